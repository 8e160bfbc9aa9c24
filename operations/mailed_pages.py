"""The dashboards that may be mailed, as the bundle declares them."""

from dataclasses import dataclass
from functools import lru_cache

import yaml

from core import settings

#: What everybody is sent who names no dashboard and is not of one territory, and the page of those who are.
NATIONAL = ("vue-densemble", "visibilite", "perception", "acteurs")
OF_A_TERRITORY = ("territoire",)

_SUPERSET = settings.CODE / "superset"
#: The dataset of all territories; a page whose filter reads something else cannot be set on any.
_OF_ALL_TERRITORIES = "rpt_kpi"


@dataclass(frozen=True)
class Page:
    """How a dashboard may be mailed.

    Attributes:
        has_territories: Whether it can be set on one territory, of any level.
        has_nation: Whether it opens on the nation.
    """

    has_territories: bool
    has_nation: bool


@lru_cache(maxsize=1)
def mailable() -> dict[str, Page]:
    """Return the dashboards that may leave by mail, by slug.

    Those that are reserved to some roles stay in Superset: whom a mail reaches in the end is not known.
    """
    policies = yaml.safe_load((_SUPERSET / "policies" / "roles.yml").read_text(encoding="utf-8"))
    files = sorted((_SUPERSET / "bundle" / "dashboards").glob("*.yaml"))
    pages = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    filters = {slug: page.get("filters", {}).get("territory", {}) for slug, page in pages.items()}
    return {
        slug: Page(declared.get("dataset") == _OF_ALL_TERRITORIES, has_nation=not declared.get("first", False))
        for slug, declared in filters.items()
        if slug not in policies["reserved"]["dashboards"]
    }
