"""Reads the published copy and the check evaluations that it holds, without Dagster."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from core.settings import Home
from core.sql import literal

EVALUATIONS = "audit.check_evaluation"


@dataclass(frozen=True)
class Evaluations:
    """The results of the checks upstream of a KPI in the last weeks.

    Attributes:
        count: Number of evaluations.
        since: The first of them; None where there is none.
        failed: Those that did not simply pass, the latest first: check, table, state, moment, run.
    """

    count: int
    since: datetime | None
    failed: list[tuple]


def published_copy(home: Home) -> Path | None:
    """Return the copy that readers see, in the folder that bears the name of its publication."""
    published = (home.published / "daily" / "current" / "serving.duckdb").resolve()
    return published if published.exists() else None


def evaluations(home: Home, checks: Iterable[str], raw_tables: Iterable[str]) -> Evaluations | None:
    """Return the results of the checks upstream of a KPI in the last weeks; None where the copy holds none.

    Args:
        home: The home.
        checks: The dbt tests on its models, by dbt id.
        raw_tables: Its raw tables, which Dagster checks.
    """
    copy = published_copy(home)
    if copy is None:
        return None
    names = [check.split(".")[2] for check in checks]
    assets = [table.removeprefix("raw_").replace(".", "/") for table in raw_tables]
    of_chain = "check_name in (select unnest(?)) or asset in (select concat('raw/', unnest(?)))"
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        try:
            connection.execute(f"attach {literal(str(copy))} as copy (read_only)")
            connection.execute(
                f"create temp table evaluated as select * from copy.{EVALUATIONS} where {of_chain}",  # noqa: S608
                [names, assets],
            )
        except duckdb.Error:  # a copy from before they were published
            return None
        [(count, since)] = connection.execute("select count(check_name), min(evaluated_at) from evaluated").fetchall()
        failed = connection.execute(
            "select check_name, asset, status, evaluated_at, run_id from evaluated where status <> 'pass' "
            "order by evaluated_at desc, asset, check_name"
        ).fetchall()
    return Evaluations(count, since, failed)
