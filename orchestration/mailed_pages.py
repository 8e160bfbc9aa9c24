"""Which dashboards may leave by mail, as the bundle declares them. Drawing and sending them belongs elsewhere."""

from functools import lru_cache

import yaml

from ingestion import settings

#: What everybody is sent who names no dashboard and is not of one territory, and the page of those who are.
NATIONAL = ("vue-densemble", "visibilite", "perception", "acteurs")
OF_A_TERRITORY = ("territoire",)

_SUPERSET = settings.CHECKOUT / "superset"
_BY_NAME = "territory_name"


@lru_cache(maxsize=1)
def mailable() -> dict[str, bool]:
    """Return the dashboards that may leave by mail, each with whether it can be set on one territory.

    Those that are reserved to some roles stay in Superset: whom a mail reaches in the end is not known.
    """
    policies = yaml.safe_load((_SUPERSET / "policies" / "roles.yml").read_text(encoding="utf-8"))
    files = sorted((_SUPERSET / "bundle" / "dashboards").glob("*.yaml"))
    pages = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    return {
        slug: (page.get("filters", {}).get("territory") or {}).get("column") == _BY_NAME
        for slug, page in pages.items()
        if slug not in policies["reserved"]["dashboards"]
    }
