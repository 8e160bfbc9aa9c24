"""What `cyberimpact kpi` shows, in French: definitions from the dbt project, latest values from the published copy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ingestion.errors import ExpectedFailure
from ingestion.settings import Home
from orchestration import project, published

LATEST = """
    select kpi_code, max_by(period_start, period_start) as period_start, max_by(value, period_start) as value
    from kpi.kpi_value
    where period_type = 'month' and territory_code = 'FR' and breakdown_dimension = 'total' and value is not null
    group by kpi_code
"""


LABELS = {
    "code": "Code",
    "label": "Indicateur",
    "pillar": "Pilier",
    "definition": "Définition",
    "formula": "Formule",
    "unit": "Unité",
    "direction": "Sens",
    "target": "Cible",
    "owner": "Responsable",
    "refresh": "Mise à jour",
    "sensitivity": "Sensibilité",
    "territory_of": "Territoire compté",
    "latest_month": "Dernier mois publié",
    "latest_value": "Valeur de ce mois, France",
}

#: How declared values are said to a reader.
FRENCH = {
    ("pillar", "visibility"): "visibilité",
    ("pillar", "perception"): "perception",
    ("pillar", "actors"): "acteurs",
    ("direction", "up"): "une hausse est favorable",
    ("direction", "down"): "une baisse est favorable",
    ("direction", "neutral"): "ni hausse ni baisse n'est favorable en soi",
    ("sensitivity", "public"): "publique",
    ("sensitivity", "internal"): "interne",
    ("sensitivity", "personal"): "personnelle",
    ("territory_of", "citizen"): "celui du citoyen",
    ("territory_of", "unit"): "celui de l'unité",
    ("territory_of", "account"): "celui du compte",
}


@dataclass(frozen=True)
class Kpi:
    """A governed KPI with its latest monthly value for the whole nation, None before anything is published."""

    code: str
    pillar: str
    label: str
    definition: str
    formula: str
    unit: str
    direction: str
    target: float | None
    owner: str
    refresh: str
    sensitivity: str
    territory_of: str
    grain: Mapping[str, Any]
    latest_month: str | None = None
    latest_value: float | None = None

    def as_lines(self) -> list[tuple[str, str]]:
        """Return the definition as a reader sees it: French label, French value."""
        values = ((label, name, getattr(self, name)) for name, label in LABELS.items())
        return [
            (label, "–" if value is None else str(FRENCH.get((name, value), value))) for label, name, value in values
        ]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def definitions() -> list[dict[str, Any]]:
    """Return `meta.kpi` of every KPI, by code."""
    metas = (project.meta(node).get("kpi") for node in project.read_manifest()["nodes"].values())
    return sorted((meta for meta in metas if meta), key=lambda meta: meta["code"])


def latest(home: Home) -> dict[str, tuple[str, float]]:
    """Return the latest month and its value by KPI code; empty before anything is published."""
    try:
        connection = published.connect(home)
    except ExpectedFailure:
        return {}
    with connection:
        return {code: (str(month)[:7], float(value)) for code, month, value in connection.execute(LATEST).fetchall()}


def catalogue(home: Home) -> list[Kpi]:
    """Return every KPI, with its latest value where one is published."""
    values = latest(home)
    fields = Kpi.__dataclass_fields__
    found = []
    for meta in definitions():
        month, value = values.get(meta["code"], (None, None))
        known: dict[str, Any] = {
            name: meta.get(name) for name in fields if name not in ("latest_month", "latest_value")
        }
        found.append(Kpi(**known, latest_month=month, latest_value=value))
    return found


def find(home: Home, code: str) -> Kpi:
    """Return one KPI.

    Raises:
        ExpectedFailure: there is no such code; the message lists those that exist.
    """
    known = {kpi.code: kpi for kpi in catalogue(home)}
    if code not in known:
        raise ExpectedFailure(f"L'indicateur « {code} » n'existe pas.", f"Indicateurs connus : {', '.join(known)}.")
    return known[code]
