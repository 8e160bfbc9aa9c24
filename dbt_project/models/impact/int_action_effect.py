"""What is told of every action and every KPI that it is held to, period by period."""

from analytics.impact.table import KPIS, REGISTER, evaluate, read_register

PERIOD_TYPES = ("day", "week", "month")


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    actions = dbt.ref("fct_action").select(*REGISTER).order("action_id").fetchall()
    kpis = dbt.ref("int_published_kpi").select(*KPIS).fetchall()
    cells = dbt.ref("int_followed_cell").fetchall()
    periods = dbt.ref("dim_period").select("period_type", "period_start", "last_day").order("period_start").fetchall()
    freshness = dbt.ref("freshness").filter("data_as_of is not null")
    known = dict(freshness.select("platform", "data_as_of").fetchall())
    return evaluate(read_register(actions), kpis, cells, [row for row in periods if row[0] in PERIOD_TYPES], known)
