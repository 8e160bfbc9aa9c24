"""Names of the territories that have series."""

import csv
from functools import cache

from analytics.anomaly.baseline import FRANCE as NATION
from warehouse import dbt_project


@cache
def names() -> dict[str, str]:
    """Return names by code: the nation, then regions, then départements, each in the order of the alphabet."""
    found = {NATION: "France entière"}
    for seed, column in (("regions", "region"), ("territories", "territory")):
        with (dbt_project.PROJECT_DIR / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
            pairs = [(row[f"{column}_code"], row[f"{column}_name"]) for row in csv.DictReader(file)]
        found |= sorted(pairs, key=lambda pair: pair[1])
    return found
