"""Ways to ask Superset for rows that one's role does not see, each as the interface or the API allows it.

Each is a function of a person and of what there is to be found, and returns everything that Superset answered.
`CANARY` is a number that stands only in rows of the Rhône: an answer that holds it has revealed another's territory.
"""

import io
import json
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from supersync.bundle import MAIN, Bundle, identifier
from supersync.client import Client

from tests.superset.people import Person

CANARY = "987654321"
#: Puts the canary into every table with a territory that the bundle shows.
STATEMENTS = (
    f"""insert into kpi.rpt_kpi by name
    select * replace (
        'FR-69' as territory_code, 'Rhône' as territory_name, 'FR-69' as map_code, {CANARY} as value,
        {CANARY} as numerator, '{CANARY}' as value_label
    ) from kpi.rpt_kpi
    where kpi_code = 'victims_per_10k' and territory_code = 'FR-33' and period_type = 'year'
        and breakdown_value = 'total'
    order by period_start desc limit 1""",
    f"""insert into perception.fct_experience by name
    select * replace ('FR-69' as territory_code, '{CANARY}' as main_structure_name)
    from perception.fct_experience where territory_code = 'FR-69' limit 1""",
    *(
        f"""insert into perception.{table} by name
        select * replace ('FR-69' as territory_code, '{CANARY}' as {column}) from perception.{table} limit 1"""
        for table, column in (
            ("fct_google_review_count", "unanswered_age"),
            ("fct_experience_structure_count", "structure_name"),
            ("fct_experience_theme_count", "theme_label"),
        )
    ),
    *(
        f"update perception.{table} set {column} = '{CANARY}' where verbatim_id = ("
        "select max(verbatim_id) from perception.fct_verbatim where territory_code = 'FR-69')"
        for table, column in (("fct_verbatim", "text"), ("fct_verbatim_term", "words"))
    ),
    f"""insert into perception.fct_irritant_example by name
    select theme, '{CANARY}' as service_name, 1 as rank, verbatim_id, 1 as typicality
    from perception.fct_verbatim_theme
    where verbatim_id in (select verbatim_id from perception.fct_verbatim where text = '{CANARY}')""",
)

#: Puts it into the live copy.
LIVE_STATEMENTS = (
    f"""insert into signals.live_signal by name
    select * replace ('FR-69' as territory_code, '{CANARY}' as explanation) from signals.live_signal limit 1""",
)


@dataclass(frozen=True)
class Target:
    """The server's numbers of what is attacked: datasets, charts and dashboards by slug, the two databases."""

    datasets: Mapping[str, int]
    charts: Mapping[str, int]
    dashboards: Mapping[str, int]
    database: int
    live: int = 0

    @classmethod
    def on(cls, client: Client, bundle: Bundle) -> "Target":
        """Return those of a server that the bundle was applied to."""
        numbers = {kind: client.ids(kind) for kind in ("dataset", "chart", "dashboard", "database")}
        return cls(
            datasets={dataset.slug: numbers["dataset"][dataset.uuid] for dataset in bundle.datasets},
            charts={chart.slug: numbers["chart"][chart.uuid] for chart in bundle.charts},
            dashboards={dashboard.slug: numbers["dashboard"][dashboard.uuid] for dashboard in bundle.dashboards},
            database=numbers["database"][identifier("database", MAIN)],
            live=numbers["database"][identifier("database", "live")],
        )


Attack = Callable[[Person, Target], str]

#: Rows from the highest value down, so that the canary is among the first.
HIGHEST = {"orderby": [["value", False]]}
#: The canary's rows only. The filter does not name it: Superset repeats filters in its answers.
HIGH = {"col": "value", "op": ">", "val": 900_000_000}

# -- Charts


def chart_data(dataset: str = "rpt_kpi", *, result: Mapping[str, Any] | None = None, **query: Any) -> Attack:
    """Ask for the data of a chart that is drawn nowhere."""

    def attack(person: Person, target: Target) -> str:
        body = {
            "datasource": {"id": target.datasets[dataset], "type": "table"},
            "force": False,
            "result_format": "json",
            "result_type": "full",
            **(result or {}),
            "queries": [{"columns": ["territory_name", "value_label"], "row_limit": 10_000, **(query or HIGHEST)}],
        }
        return text(person.post("/api/v1/chart/data", json=body))

    return attack


def elsewhere(dataset: str, column: str) -> Attack:
    """Ask a query over tables for rows of territories other than France, which is everybody's."""
    elsewhere_only = {"col": "territory_code", "op": "!=", "val": "FR"}
    return chart_data(
        dataset, columns=[column], filters=[elsewhere_only, {"col": column, "op": "LIKE", "val": "98765%"}]
    )


def sql_column(sql: str) -> dict[str, Any]:
    return {"expressionType": "SQL", "sqlExpression": sql, "label": "x"}


def sql_metric(sql: str) -> dict[str, Any]:
    return {"columns": [], "metrics": [sql_column(sql)]}


def form(**fields: Any) -> Attack:
    """Ask as the older charts do, the map among them."""

    def attack(person: Person, target: Target) -> str:
        data = {
            "datasource": f"{target.datasets['rpt_kpi']}__table",
            "viz_type": "country_map",
            "select_country": "france",
            "entity": "value_label",
            "metric": {"expressionType": "SQL", "sqlExpression": "max(value)", "label": "x"},
            "adhoc_filters": [],
            "row_limit": 10_000,
            **fields,
        }
        return text(person.post("/superset/explore_json/", data={"form_data": json.dumps(data)}))

    return attack


def adhoc(sql: str) -> dict[str, Any]:
    return {"expressionType": "SQL", "clause": "WHERE", "sqlExpression": sql}


def saved_chart(slug: str, **options: str) -> Attack:
    return lambda person, target: text(person.get(f"/api/v1/chart/{target.charts[slug]}/data/", params=options))


def samples(dataset: str = "rpt_kpi", **body: Any) -> Attack:
    def attack(person: Person, target: Target) -> str:
        where = {
            "datasource_type": "table",
            "datasource_id": target.datasets[dataset],
            "per_page": 10_000,
            "force": "true",
        }
        return text(person.post("/datasource/samples", params=where, json=body))

    return attack


def column_values(column: str, dataset: str = "rpt_kpi") -> Attack:
    return lambda person, target: text(
        person.get(f"/api/v1/datasource/table/{target.datasets[dataset]}/column/{column}/values/")
    )


def annotation(chart: str, time: str = "period_start") -> Attack:
    """Have another chart's rows drawn as a layer over one's own."""

    def attack(person: Person, target: Target) -> str:
        layer = {
            "name": "couche",
            "annotationType": "EVENT",
            "sourceType": "table",
            "value": target.charts[chart],
            "show": True,
            "style": "solid",
            "showMarkers": False,
            "hideLine": False,
            "timeColumn": time,
            "overrides": {},
        }
        query = {"columns": ["territory_name"], "annotation_layers": [layer], "row_limit": 10}
        return chart_data(**query)(person, target)

    return attack


CHARTS: dict[str, Attack] = {
    "every row": chart_data(),
    "a filter on the other territory": chart_data(filters=[{"col": "territory_code", "op": "==", "val": "FR-69"}]),
    "a filter on the other name": chart_data(filters=[{"col": "territory_name", "op": "IN", "val": ["Rhône"]}]),
    "a filter that excludes nothing": chart_data(filters=[{"col": "territory_code", "op": "IS NOT NULL"}], **HIGHEST),
    "a condition in SQL": chart_data(extras={"where": "territory_code = 'FR-69'"}),
    "an alternative in SQL": chart_data(extras={"where": "1 = 1 or territory_code = 'FR-69'"}, **HIGHEST),
    "a condition on groups": chart_data(
        metrics=[sql_column("max(value)")],
        orderby=[[sql_column("max(value)"), False]],
        extras={"having": "max(value) > 0 or 1 = 1"},
    ),
    "a column in SQL": chart_data(columns=[sql_column("territory_code || ' ' || value_label")], **HIGHEST),
    "a measure in SQL": chart_data(**sql_metric("max(value)")),
    "a measure over all": chart_data(**sql_metric("max(max(value)) over ()")),
    "a list as a measure": chart_data(**sql_metric("list(value_label)::text")),
    "an order in SQL": chart_data(orderby=[[sql_column("value_label"), False]]),
    "rows far below": chart_data(row_offset=0, columns=["value_label"], orderby=[["value_label", False]]),
    "a comparison in time": chart_data(
        columns=["value_label"],
        metrics=[sql_column("max(value)")],
        granularity="period_start",
        time_range="2000-01-01 : 2100-01-01",
        time_offsets=["1 day ago"],
    ),
    "rows of a chart": chart_data(result={"result_type": "results"}),
    "samples": chart_data(result={"result_type": "samples"}, filters=[HIGH]),
    "drill to detail": chart_data(
        result={"result_type": "drill_detail"}, filters=[{"col": "territory_code", "op": "==", "val": "FR-69"}]
    ),
    "an export as CSV": chart_data(result={"result_format": "csv"}),
    "an export as a workbook": chart_data(result={"result_format": "xlsx"}),
    "a query over tables: structures": elsewhere("structure_experiences", "structure_name"),
    "a query over tables: themes": elsewhere("theme_opinions", "theme_label"),
    "a query over tables: reviews": elsewhere("google_reviews", "unanswered_age"),
    "a map": form(),
    "a map with a condition in SQL": form(adhoc_filters=[adhoc("1 = 1 or territory_code = 'FR-69'")]),
    "a map with more filters": form(extra_filters=[{"col": "territory_code", "op": "==", "val": "FR-69"}]),
    "samples of a dataset": samples(filters=[HIGH]),
    "samples of a query over tables": samples(
        "structure_experiences",
        filters=[
            {"col": "structure_name", "op": "LIKE", "val": "98765%"},
            {"col": "territory_code", "op": "!=", "val": "FR"},
        ],
    ),
    "a saved chart": saved_chart("victims_map_ranking"),
    "a saved chart as CSV": saved_chart("victims_map_ranking", format="csv", type="results"),
}

#: Ways to the texts of citizens, which only some roles read.
TEXTS: dict[str, Attack] = {
    "every text": chart_data("verbatims", columns=["text"]),
    "texts found": chart_data("verbatim_search", columns=["text"], metrics=["pertinence"]),
    "words that the filter offers": chart_data("verbatim_search", columns=["words"]),
    "words that are typed": chart_data(
        "verbatim_search", columns=["words"], filters=[{"col": "words", "op": "ILIKE", "val": "%98765%"}]
    ),
    "typical complaints": chart_data("irritant_examples", columns=["service_name", "text"]),
    "samples of texts": samples("verbatims", filters=[{"col": "text", "op": "LIKE", "val": "98765%"}]),
    "values of a column": column_values("text", "verbatims"),
}

# -- What no role may do, whoever asks


def rejected(answer: httpx.Response) -> bool:
    return answer.status_code >= 400


SHUT_CHARTS: dict[str, Attack] = {
    "a subquery in a measure": chart_data(**sql_metric("(select max(value) from kpi.rpt_kpi)")),
    "a subquery that begins with its table": chart_data(**sql_metric("(from kpi.rpt_kpi select max(value))")),
    "a subquery in a column": chart_data(columns=[sql_column("(select max(value) from kpi.rpt_kpi)")]),
    "a subquery in a condition": chart_data(
        extras={"where": "exists (select 1 from kpi.rpt_kpi where value = 987654321)"}, columns=["territory_code"]
    ),
    "a subquery in an order": chart_data(orderby=[[sql_column("(select max(value) from kpi.rpt_kpi)"), False]]),
    "a condition that closes its bracket": chart_data(extras={"where": "1 = 1) or (1 = 1"}),
    "a condition that comments out what follows": chart_data(extras={"where": "1 = 1) --"}),
    "a second statement": chart_data(extras={"where": "1 = 1; select max(value) from kpi.rpt_kpi"}),
    "a union in a condition": chart_data(
        extras={"where": "1 = 0) union all select territory_name, value_label from kpi.rpt_kpi where (1 = 1"}
    ),
    "statistics as a measure": chart_data(**sql_metric("max(stats(value))")),
    "a measure that runs a query": chart_data(**sql_metric("query('select max(value) from kpi.rpt_kpi')")),
    "a template": chart_data(extras={"where": "{{ 'territory_code' }} = 'FR-69' or 1 = 1"}),
    "a file": chart_data(**sql_metric("(select content from read_text('/etc/hostname'))")),
    "a saved chart as a layer over another": annotation("victims_map"),
    "an unknown dataset": lambda person, target: chart_data("none")(
        person, Target({**target.datasets, "none": 9999}, {}, {}, 0)
    ),
}

# -- SQL Lab


def sql_lab(sql: str, **options: Any) -> Attack:
    def attack(person: Person, target: Target) -> str:
        return text(run_sql(person, target, sql, **options))

    return attack


def live_sql_lab(sql: str) -> Attack:
    def attack(person: Person, target: Target) -> str:
        return sql_lab(sql, database_id=target.live, schema="signals")(person, target)

    return attack


def run_sql(person: Person, target: Target, sql: str, **options: Any) -> httpx.Response:
    body = {
        "client_id": secrets.token_hex(5),
        "database_id": target.database,
        "sql": sql,
        "runAsync": False,
        "queryLimit": 10_000,
        "schema": "kpi",
        **options,
    }
    return person.post("/api/v1/sqllab/execute/", json=body)


#: Questions that whoever sees all rows is answered with the canary.
OPEN_SQL = (
    "select max(value) from kpi.rpt_kpi",
    'select max(value) from "kpi"."rpt_kpi"',
    "select max(r.value) from kpi.rpt_kpi as r",
    "select max(value) from kpi.rpt_kpi /* where */",
    "select max(value) from kpi.rpt_kpi where 1 = 1 or territory_code = 'FR-69'",
    "select max(rpt_kpi.value) from kpi.rpt_kpi",
    "select max(value) from (select * from kpi.rpt_kpi) as inside",
    "with readings as (select * from kpi.rpt_kpi) select max(value) from readings",
    "with one as (select 1 as value) select (select max(value) from kpi.rpt_kpi) as x from one",
    "select 1 as value union all select max(value) from kpi.rpt_kpi",
    "select max(a.value) from kpi.rpt_kpi as a inner join kpi.rpt_kpi as b using (value) where a.value > 9",
    "select max(a.value) from kpi.rpt_kpi as a, kpi.rpt_kpi as b where a.value = b.value and a.value > 900",
    "select x from (select 1) as one, lateral (select max(value) as x from kpi.rpt_kpi) as two",
    "select max(value) over () as x from kpi.rpt_kpi limit 10000",
    "select territory_name, list(value_label) as x from kpi.rpt_kpi group by all",
    "select value_label from kpi.rpt_kpi where value in (select max(value) from kpi.rpt_kpi)",
    "select distinct value_label from kpi.rpt_kpi order by all desc",
    "select max(main_structure_name) from perception.fct_experience where main_structure_name like '987%'",
)

#: The same of the live database.
OPEN_LIVE_SQL = (
    "select max(explanation) from signals.live_signal where explanation like '987%'",
    "select explanation from signals.live_signal where 1 = 1 or territory_code = 'FR-69'",
    "with seen as (select * from signals.live_signal) select max(seen.explanation) from seen where explanation < 'A'",
    "select '' as x union all select explanation from signals.live_signal",
)
SHUT_LIVE_SQL = (
    "with live_signal as (select * from signals.live_signal) select explanation from live_signal",
    "select explanation from live_signal",
    "select explanation from live_serving.signals.live_signal",
    "summarize signals.live_signal",
    "select * from signals.live_signal_example",
    "select * from query('select explanation from signals.live_signal')",
    "select * from information_schema.tables",
    "select max(value) from kpi.rpt_kpi",
    "select * from read_text('/etc/hostname')",
)

#: Questions that nobody is answered, for they would reach past the rules.
SHUT_SQL = (
    "with rpt_kpi as (select * from kpi.rpt_kpi) select max(value) from rpt_kpi",
    "with fct_google_review as (select * from perception.fct_google_review) select * from fct_google_review",
    "with tables as (select * from information_schema.tables) select * from tables",
    "with rpt_kpi as (select 1 as value), b as (select * from kpi.rpt_kpi) select max(value) from b",
    "select max(value) from KPI.RPT_KPI",
    "select max(value) from rpt_kpi",
    'select max(value) from kpi."Rpt_Kpi"',
    "select max(value) from serving.kpi.rpt_kpi",
    "from kpi.rpt_kpi; summarize kpi.rpt_kpi",
    "summarize kpi.rpt_kpi",
    "summarize select * from kpi.rpt_kpi",
    "describe kpi.rpt_kpi",
    "show all tables",
    "explain analyze select max(value) from kpi.rpt_kpi",
    "pragma storage_info('kpi.rpt_kpi')",
    "select stats from pragma_storage_info('kpi.rpt_kpi')",
    "call pragma_storage_info('kpi.rpt_kpi')",
    "select * from query('select max(value) from kpi.rpt_kpi')",
    "select * from query_table('kpi.rpt_kpi')",
    "select * from information_schema.tables",
    "select * from information_schema.columns",
    "select * from pg_catalog.pg_tables",
    "select * from sqlite_master",
    "select * from duckdb_tables()",
    "select * from duckdb_columns()",
    "select * from duckdb_views()",
    "select * from duckdb_functions()",
    "select * from duckdb_settings()",
    "select * from duckdb_databases()",
    "select * from duckdb_temporary_files()",
    "select stats(value) from kpi.rpt_kpi",
    "select * from perception.fct_google_review",
    "select * from perception.fct_experience_structure",
    "select * from reference.dim_territory",
    "select * from read_text('/etc/hostname')",
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from glob('/*')",
    "attach '/tmp/other.duckdb' as other",
    "set enable_external_access = true",
    "set variable x = 1",
    "prepare q as select max(value) from kpi.rpt_kpi",
    "execute q",
    "copy (select max(value) from kpi.rpt_kpi) to '/tmp/leak.csv'",
    "export database '/tmp/leak'",
    "use kpi; select max(value) from rpt_kpi",
    "create temporary table t as select * from kpi.rpt_kpi",
    "create macro m() as table select * from kpi.rpt_kpi",
    "update kpi.rpt_kpi set value = 0",
    "select getenv('SUPERSET_SECRET_KEY')",
    "select * from {{ 'kpi.rpt_kpi' }}",
    "load httpfs",
    "pivot kpi.rpt_kpi on territory_code using max(value)",
    "with t as (pivot kpi.rpt_kpi on territory_code using max(value)) select * from t",
    "select * from (unpivot kpi.rpt_kpi on value)",
    "select * from (summarize kpi.rpt_kpi)",
    "select * from (describe kpi.rpt_kpi)",
    "table kpi.rpt_kpi",
)

# -- Everything at once


def text(answer: httpx.Response) -> str:
    """Return all that an answer holds, a workbook unpacked, and the number of a refusal."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as workbook:
            return " ".join(workbook.read(name).decode("utf-8", "replace") for name in workbook.namelist())
    return f"HTTP {answer.status_code} {answer.text}"


def is_refusal(answer: str) -> bool:
    """Say whether what `text` returned was refused, as a whole or in each of its queries."""
    return answer.startswith(("HTTP 4", "HTTP 5"))
