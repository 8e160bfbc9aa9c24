"""The effect so far of running actions on mentions, anew with each hour that has closed."""

import pyarrow as pa

from analytics.impact import hours
from analytics.impact.table import HOURLY, hourly, read_targeted
from operations import topics

CODE = "mentions"
#: Which actions are held to mentions stands in what the daily build has published.
TARGETED = """
    select action_id, started_on, ended_on, territory_code, is_nationwide, kpi_code
    from daily_copy.main.fct_action_effect
    where kpi_code = ?
    order by action_id
"""


def model(dbt, session):  # noqa: ANN001, ANN201 - dbt's signature
    dbt.config(materialized="table")
    [(now,)] = dbt.ref("stg_listening__mention").aggregate("max(collected_at)").fetchall()
    if now is None:
        return hourly([])
    until = now.replace(minute=0, second=0, microsecond=0)
    actions = read_targeted(session.execute(TARGETED, [CODE]).fetchall())
    former = topics.former(session, dbt.this, tuple(HOURLY)).fetchall()
    known = {(row[0], row[tuple(HOURLY).index("known_until")]) for row in former}
    if known == {(action.action_id, until) for action in hours.running(actions, until)}:
        kept = [dict(zip(HOURLY, row, strict=True)) for row in former]
        return pa.Table.from_pylist(kept, pa.schema(list(HOURLY.items())))
    cells = dbt.ref("live_mention_hour").select("territory_code, hour_start, mentions").fetchall()
    return hourly(hours.read_hourly(CODE, actions, cells, until))
