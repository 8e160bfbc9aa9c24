"""The registry of platforms."""

from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from core.errors import ExpectedFailure
from core.settings import home

if TYPE_CHECKING:
    from ingestion.engine.contract import Table


@dataclass(frozen=True)
class Platform:
    """What the whole project needs to know of a platform.

    Attributes:
        name: Folder in `ingestion/connectors/`, suffix of the raw schema, name of its load job.
        title: French title, as readers know it.
        pillar: Pillar that its figures serve; `reference` for what describes the world that all of them share.
        late_after: Age of the last successful load at which its figures are marked late.
        owner: Team that answers for it.
        sensitivity: What its raw data may hold.
        docs: Public page of the platform.
        entities: Tables it loads, in `raw_<name>`; the first one gives the freshness of the platform.
        cron: When its address is read, in Europe/Paris; `None` for a platform that only drops files. What is live is
            followed by a process that watches, whatever this says.
        drops: Whether it takes files from `drop/<name>/`.
        database: File that its raw tables live in: `live` for what is loaded in micro-batches.
        retention: How long its rows are kept; `None` where they hold nothing about a person.
    """

    name: str
    title: str
    pillar: Literal["visibility", "perception", "actors", "signals", "reference"]
    late_after: timedelta
    owner: str
    sensitivity: Literal["public", "internal", "personal"]
    docs: str
    entities: tuple[str, ...]
    cron: str | None = None
    drops: bool = False
    database: Literal["warehouse", "live"] = "warehouse"
    retention: timedelta | None = None

    @property
    def dataset(self) -> str:
        return f"raw_{self.name}"

    @property
    def connector(self) -> ModuleType:
        """The package that reads the platform: its contract, `CONTRACT`, and its source."""
        return import_module(f"ingestion.connectors.{self.name}")

    @property
    def is_sendable(self) -> bool:
        """Whether others may send its records: what is decided here enters by its own way."""
        return self.name != "operations"

    def table(self, name: str) -> "Table":
        """Return the contract of one of its tables.

        Raises:
            ExpectedFailure: it has none of that name.
        """
        for table in self.connector.CONTRACT:
            if table.name == name:
                return table
        raise ExpectedFailure(f"{self.name} has no table {name!r}.", f"There are {', '.join(self.entities)}.")


_DAY, _YEAR = timedelta(days=1), timedelta(days=365)

PLATFORMS: tuple[Platform, ...] = (
    Platform(
        name="services_publics_plus",
        title="Services Publics+",
        pillar="perception",
        cron="30 4 * * *",
        late_after=timedelta(hours=36),
        owner="team:experience-usagers",
        sensitivity="personal",
        docs="https://www.plus.transformation.gouv.fr/experiences",
        entities=("experiences", "structures", "quality_results"),
        drops=True,
        retention=5 * _YEAR,
    ),
    Platform(
        name="jdma",
        title="Je donne mon avis",
        pillar="perception",
        cron="0 4 * * *",
        late_after=timedelta(hours=36),
        owner="team:experience-usagers",
        sensitivity="personal",
        docs="https://jedonnemonavis.numerique.gouv.fr",
        entities=("services", "statistics", "reviews", "answers"),
        drops=True,
        retention=5 * _YEAR,
    ),
    Platform(
        name="partoo",
        title="Partoo (fiches et avis Google des unités)",
        pillar="perception",
        cron="10 4 * * *",
        late_after=timedelta(hours=36),
        owner="team:communication",
        sensitivity="personal",
        docs="https://developers.partoo.co",
        drops=True,
        entities=("businesses", "groups", "reviews", "presence", "publisher_states"),
        retention=5 * _YEAR,
    ),
    Platform(
        name="app_stores",
        title="Avis Google Play et App Store",
        pillar="perception",
        cron="20 4 * * *",
        late_after=timedelta(hours=36),
        owner="team:communication",
        sensitivity="personal",
        docs="https://developers.google.com/android-publisher/reply-to-reviews",
        entities=("reviews",),
        retention=5 * _YEAR,
    ),
    Platform(
        name="audience",
        title="Audience des sites (Piano Analytics, Matomo)",
        pillar="visibility",
        cron="5 * * * *",
        late_after=timedelta(hours=6),
        owner="team:communication",
        sensitivity="internal",
        docs="https://developers.atinternet-solutions.com/piano-analytics/data-api/getting-started",
        drops=True,
        entities=("hourly_visits", "geo_visits", "pages_visits", "sources_visits", "devices_visits"),
    ),
    Platform(
        name="social_accounts",
        title="Comptes de la Gendarmerie sur les réseaux sociaux",
        pillar="visibility",
        cron="40 4 * * *",
        late_after=timedelta(hours=36),
        owner="team:communication",
        sensitivity="public",
        docs="https://docs.x.com/x-api/users/lookup/introduction",
        entities=("accounts", "daily_metrics"),
        drops=True,
    ),
    Platform(
        name="listening",
        title="Veille des réseaux sociaux (Visibrain, Talkwalker)",
        pillar="signals",
        cron="*/5 * * * *",
        late_after=timedelta(minutes=30),
        owner="team:veille",
        sensitivity="personal",
        docs="https://help.visibrain.com",
        entities=("mentions", "volumes"),
        drops=True,
        database="live",
        retention=60 * _DAY,
    ),
    Platform(
        name="brigade_numerique",
        title="Tchat de la Brigade numérique (Ma Gendarmerie)",
        pillar="visibility",
        late_after=timedelta(hours=36),
        owner="team:brigade-numerique",
        sensitivity="personal",
        docs="https://www.gendarmerie.interieur.gouv.fr/a-votre-contact/contacter-la-gendarmerie",
        entities=("contacts",),
        drops=True,
        database="live",
        retention=3 * _YEAR,
    ),
    Platform(
        name="pre_plainte",
        title="Pré-plainte en ligne",
        pillar="visibility",
        late_after=timedelta(hours=36),
        owner="team:services-en-ligne",
        sensitivity="internal",
        docs="https://www.pre-plainte-en-ligne.gouv.fr",
        entities=("declarations",),
        drops=True,
        retention=3 * _YEAR,
    ),
    Platform(
        name="perceval",
        title="PERCEV@L",
        pillar="actors",
        late_after=timedelta(days=35),
        owner="team:cyber",
        sensitivity="internal",
        docs="https://www.service-public.fr/particuliers/vosdroits/R46526",
        entities=("daily_reports", "daily_amounts", "monthly_departements", "monthly_ages"),
        drops=True,
    ),
    Platform(
        name="cybermalveillance",
        title="Cybermalveillance.gouv.fr et 17Cyber",
        pillar="actors",
        late_after=timedelta(days=35),
        owner="team:cyber",
        sensitivity="internal",
        docs="https://www.cybermalveillance.gouv.fr",
        entities=("cases",),
        drops=True,
    ),
    Platform(
        name="ma_securite",
        title="Ma Sécurité : actualités et conseils",
        pillar="actors",
        cron="50 * * * *",
        late_after=timedelta(hours=6),
        owner="team:communication",
        sensitivity="public",
        docs="https://www.masecurite.interieur.gouv.fr",
        entities=("news",),
    ),
    Platform(
        name="prevention_actions",
        title="Registre des actions de prévention",
        pillar="actors",
        late_after=timedelta(days=35),
        owner="team:prevention",
        sensitivity="internal",
        docs="https://www.gendarmerie.interieur.gouv.fr",
        entities=("actions",),
        drops=True,
    ),
    Platform(
        name="official_alerts",
        title="Alertes officielles (Météo-France, Vigicrues, Santé publique France)",
        pillar="signals",
        cron="*/15 * * * *",
        late_after=timedelta(hours=2),
        owner="team:veille",
        sensitivity="public",
        docs="https://portail-api.meteofrance.fr",
        entities=("alerts",),
    ),
    Platform(
        name="operations",
        title="Verdicts, crises et alertes de la plateforme",
        pillar="signals",
        cron="15 * * * *",
        late_after=timedelta(hours=6),
        owner="team:veille",
        sensitivity="internal",
        docs="https://www.gendarmerie.interieur.gouv.fr",
        entities=("topics", "verdicts", "crises", "crisis_events", "outbox", "acts"),
        retention=5 * _YEAR,
    ),
    Platform(
        name="reference",
        title="Référentiels : communes, unités, effectifs",
        pillar="reference",
        cron="0 3 * * *",
        late_after=timedelta(days=35),
        owner="team:donnees",
        sensitivity="public",
        docs="https://www.data.gouv.fr/organizations/ministere-de-linterieur",
        entities=("units", "competences", "communes", "headcounts", "inspections", "crimes", "chat_category"),
        drops=True,
    ),
)


def platform(name: str) -> Platform:
    """Return a platform by name.

    Raises:
        ExpectedFailure: there is no such platform.
    """
    for candidate in PLATFORMS:
        if candidate.name == name:
            return candidate
    known = ", ".join(p.name for p in PLATFORMS)
    raise ExpectedFailure(f"There is no platform {name!r}.", f"Use one of: {known}.")


def database(platform_name: str) -> Path:
    """Return the DuckDB file that holds the raw tables and the quarantine of a platform.

    Raises:
        ExpectedFailure: there is no such platform.
    """
    return home().database(platform(platform_name).database)
