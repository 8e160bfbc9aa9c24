"""The effect so far of running actions on mentions, anew with each hour that has closed."""

import pyarrow as pa

from analytics.impact import hours
from analytics.impact.table import HOURLY, hourly, read_targeted
from analytics.relations import former

CODE = "mentions"
TARGETED = "action_id, started_on, ended_on, territory_code, is_nationwide, kpi_code"


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    [(now,)] = dbt.ref("stg_listening__mention").aggregate("max(collected_at)").fetchall()
    if now is None:
        return hourly([])
    until = now.replace(minute=0, second=0, microsecond=0)
    targeted = dbt.source("daily_copy", "fct_action_effect").filter(f"kpi_code = '{CODE}'").order("action_id")
    actions = read_targeted(targeted.select(TARGETED).fetchall())
    kept = former(session, dbt.this, tuple(HOURLY)).fetchall()
    known = {(row[0], row[tuple(HOURLY).index("known_until")]) for row in kept}
    if known == {(action.action_id, until) for action in hours.running(actions, until)}:
        unchanged = [dict(zip(HOURLY, row, strict=True)) for row in kept]
        return pa.Table.from_pylist(unchanged, pa.schema(list(HOURLY.items())))
    cells = dbt.ref("live_mention_hour").select("territory_code, hour_start, mentions").fetchall()
    return hourly(hours.read_hourly(CODE, actions, cells, until))
