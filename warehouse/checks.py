"""Runs the checks of what was built: those of one model as one query, over the SQL that dbt compiles of them.

As nodes of dbt they cost many times what their queries do. They stay dbt's tests, declared beside their model, and
`dbt test` by hand runs them as ever; both leave the same statuses in `audit.build_status`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from core.locks import writer_lock
from core.sql import literal
from warehouse.held_back import HOLD_BACK, Graph

#: A check of the compiled manifest, and how it ended, as dbt's `run_results.json` has it.
Check = Mapping[str, Any]
Result = dict[str, Any]


def run(graph: Graph, checks: Collection[Check], database: Path) -> list[Result]:
    """Run checks and write down how each ended.

    Args:
        graph: The project.
        checks: Their nodes, with compiled code.
        database: The file that was built.
    """
    if not checks:
        return []
    with writer_lock(database), duckdb.connect(str(database)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        results = [result for group in by_subject(checks) for result in ended(connection, group)]
        write_down(connection, graph, results)
    return results


def by_subject(checks: Iterable[Check]) -> Iterable[Sequence[Check]]:
    """Return checks in groups: those that are declared for the same model; a singular one stands alone."""
    found: dict[str, list[Check]] = {}
    for check in checks:
        found.setdefault(check.get("attached_node") or check["unique_id"], []).append(check)
    return found.values()


def ended(connection: duckdb.DuckDBPyConnection, group: Sequence[Check]) -> Iterator[Result]:
    """Yield how the checks of one model end; where one of them has no answer, each is asked by itself."""
    try:
        counts = dict(connection.execute(" union all ".join(map(counting, group))).fetchall())
    except duckdb.Error as problem:
        if len(group) > 1:
            for check in group:
                yield from ended(connection, [check])
        else:
            yield result(group[0], "error", message=str(problem))
        return
    for check in group:
        refused = counts[check["unique_id"]]
        status = "pass" if not refused else "warn" if check["config"]["severity"].lower() == "warn" else "fail"
        yield result(check, status, failures=refused)


def counting(check: Check) -> str:
    """Return a query for the number of rows that a check refuses."""
    return f"select {literal(check['unique_id'])} as check_id, count(*) as refused from (\n{check['compiled_code']}\n)"  # noqa: S608


def result(check: Check, status: str, failures: int | None = None, message: str | None = None) -> Result:
    known = {"unique_id": check["unique_id"], "compiled_code": check["compiled_code"]}
    return known | {"status": status, "failures": failures, "message": message}


def write_down(connection: duckdb.DuckDBPyConnection, graph: Graph, results: Sequence[Result]) -> None:
    """Write how checks ended, as the macro `build_status_finish` does; what they held back before is settled anew."""
    checks = [result["unique_id"] for result in results]
    names = [graph.nodes[uid]["name"] for uid in checks]
    states = [status(graph, result) for result in results]
    connection.begin()
    connection.execute("delete from audit.held_back where check_id in (select unnest(?))", [checks])
    connection.execute(
        # A check that is new has no row yet, where dbt had nothing to build.
        "insert or ignore into audit.build_status select check_id, 'test', name, status, invocation_id, null"
        " from (select unnest(?) as check_id, unnest(?) as name, unnest(?) as status)"
        " cross join (select coalesce(max_by(invocation_id, finished_at), any_value(invocation_id), '')"
        " from audit.build_status) as last(invocation_id)",
        [checks, names, states],
    )
    connection.execute(
        "update audit.build_status set status = ended.status, finished_at = cast(now() as timestamp)"
        " from (select unnest(?) as check_id, unnest(?) as status) as ended where unique_id = check_id",
        [checks, states],
    )
    connection.commit()


def status(graph: Graph, result: Result) -> str:
    """Return the status of a check that ended: one that holds back has failed, though dbt would only warn."""
    holds_back = graph.on_failure(graph.nodes[result["unique_id"]]) == HOLD_BACK
    return "fail" if result["status"] == "warn" and holds_back else result["status"]
