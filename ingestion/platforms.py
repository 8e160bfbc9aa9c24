"""The one list of platforms that everything else reads. How a platform is read belongs to its own folder."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from ingestion.errors import ExpectedFailure


@dataclass(frozen=True)
class Platform:
    """What the whole project needs to know of a platform.

    Attributes:
        name: Folder in `ingestion/`, suffix of the raw schema, name of its load job.
        title: French title, as readers know it.
        pillar: Pillar that its figures serve.
        cron: When the load runs, in Europe/Paris.
        late_after: Age of the last successful load at which its figures are marked late.
        owner: Team that answers for it.
        sensitivity: What its raw data may hold.
        docs: Public page of the platform.
        entities: Tables it loads, in `raw_<name>`.
        drops: Whether it also takes files from `drop/<name>/`.
    """

    name: str
    title: str
    pillar: Literal["visibility", "perception", "actors"]
    cron: str
    late_after: timedelta
    owner: str
    sensitivity: Literal["public", "internal", "personal"]
    docs: str
    entities: tuple[str, ...]
    drops: bool = False

    @property
    def dataset(self) -> str:
        return f"raw_{self.name}"


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
        entities=("experiences", "structures"),
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
