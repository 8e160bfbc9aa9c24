"""Superset opens the file of its user's right: the same answers as row rules give, and none of another right's."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest
from supersync import cache
from supersync.bundle import MAIN, Bundle, identifier
from supersync.client import Client

from tests.superset import attacks, people, queries
from tests.superset.conftest import PYTHON, SERVER, Server
from tests.superset.copies import altered
from tests.superset.people import People, Person
from tests.superset.test_rows import statements
from warehouse import rights

#: An account of each kind of role that reads dashboards.
KINDS = ("gironde", "aquitaine", "gendarmerie_aquitaine", "nationale")

#: As the chart's description says.
EMPTY_WITHOUT_A_REGION = {"visits_by_region"}


@pytest.fixture(scope="module")
def bundle(server, administration, tmp_path_factory) -> Iterator[Bundle]:
    """The bundle on a server with everybody, over copies that hold rows of several territories in every table."""
    held, _ = people.grant(server, administration, tmp_path_factory.mktemp("policies"))
    with altered(server.home, administration, held, "several", lambda _, file: statements(file)):
        yield held


@pytest.fixture(scope="module")
def numbers(administration, bundle) -> Mapping[str, int]:
    ids = administration.ids("dataset")
    return {dataset.slug: ids[dataset.uuid] for dataset in bundle.datasets}


@pytest.fixture(scope="module")
def folk(server, administration, bundle) -> People:  # noqa: ARG001 - the bundle's fixture makes them
    return People(server.url, administration)


def right(name: str) -> rights.Right:
    return rights.current().right(people.ROLES[name])


def file_of(server: Server, name: str, target: str = "daily") -> Path:
    """Return the file that somebody's queries open."""
    (file,) = (server.home.published / target / "current").resolve().glob("*.duckdb")
    return file.parent / "rights" / right(name).key / file.name


Question = tuple[str, str, dict[str, Any]]


def questions(bundle: Bundle, name: str) -> list[Question]:
    """Return the charts that somebody may read: name, dataset and query, as a dashboard asks it."""
    found: dict[str, Question] = {}
    charts = {chart.slug: chart for chart in bundle.charts}
    readable = rights.current().roles[people.ROLES[name][0]].datasets
    for dashboard in bundle.dashboards:
        for slug in dashboard.reads:
            dataset = charts[slug].declared["dataset"]
            query = json.loads(charts[slug].config["query_context"])["queries"][0]
            query["filters"] = [*query["filters"], *queries.default_filters(bundle, dashboard, slug)]
            if dataset in readable:
                found.setdefault(slug, (slug, dataset, query))
    return list(found.values())


def few(bundle: Bundle, asked: list[Question]) -> list[Question]:
    """Return all charts of queries over several tables, and one of each table: its rows are chosen as a rule does."""
    queried = {dataset.slug for dataset in bundle.datasets if "query" in dataset.declared}
    return [question for question in asked if question[1] in queried] + list(
        {question[1]: question for question in asked}.values()
    )


def answers(person: Person, asked: list[Question], numbers: Mapping[str, int]) -> dict[str, list[str]]:
    """Return what each chart shows somebody; several of a dataset are asked at once."""
    found = {}
    by_dataset = sorted(asked, key=lambda question: question[1])
    for dataset, questions in (
        (name, list(group)) for name, group in groupby(by_dataset, key=lambda question: question[1])
    ):
        for some in (questions[at : at + 8] for at in range(0, len(questions), 8)):
            body = {"datasource": {"id": numbers[dataset], "type": "table"}, "force": True}
            answer = person.post("/api/v1/chart/data", json={**body, "queries": [query for *_, query in some]})
            assert answer.status_code == 200, f"{dataset}: {answer.text[:300]}"
            for (slug, *_), result in zip(some, answer.json()["result"], strict=True):
                assert result["error"] is None, slug
                found[slug] = sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in result["data"])
    return found


def check_copies(server: Server, name: str) -> None:
    """Have somebody's queries open all that is published, so that nothing but row rules restricts them."""
    for target in ("daily", "live"):
        file = file_of(server, name, target)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        os.link(file.parents[2] / file.name, file)


def compare(server: Server, person: Person, asked: list[Question], numbers: Mapping[str, int]) -> None:
    copies = [file_of(server, person.name, target).parent for target in ("daily", "live")]
    for copy in copies:
        shutil.rmtree(copy, ignore_errors=True)
    by_copy = answers(person, asked, numbers)
    assert all(list(copy.iterdir()) for copy in copies)
    for copy in copies:
        shutil.rmtree(copy)
    check_copies(server, person.name)
    try:
        by_rules = answers(person, asked, numbers)
    finally:
        for copy in copies:
            shutil.rmtree(copy)
    assert by_copy == by_rules
    assert {slug for slug, rows in by_copy.items() if not rows} <= EMPTY_WITHOUT_A_REGION


def test_a_chart_shows_a_departement_what_row_rules_would(server, bundle, numbers, folk):
    compare(server, folk["gironde"], few(bundle, questions(bundle, "gironde")), numbers)


@pytest.mark.proof
@pytest.mark.parametrize("name", KINDS)
def test_every_chart_shows_what_row_rules_would(server, bundle, numbers, folk, name):
    compare(server, folk[name], questions(bundle, name), numbers)


def test_the_file_of_a_query_holds_what_its_user_may_read(server, numbers, folk):
    ask(folk["gironde"], numbers["rpt_kpi"])
    file = file_of(server, "gironde")
    with duckdb.connect(str(file), read_only=True) as copy:
        found = copy.execute(
            "select schema_name || '.' || table_name, list(column_name) from duckdb_columns() "
            "where database_name = current_database() and not internal group by all"
        ).fetchall()
        for table, columns in found:
            assert table in right("gironde").tables
            if "territory_code" in columns:
                codes = copy.execute(f"select distinct territory_code from {table}").fetchall()
                assert {code for (code,) in codes} <= {"FR", "FR-33"}, table


def test_a_suppressed_value_is_in_no_file(server, numbers, folk):
    ask(folk["gironde"], numbers["rpt_kpi"])
    published = (server.home.published / "daily" / "current").resolve() / "serving.duckdb"
    for file in (published, file_of(server, "gironde")):
        with duckdb.connect(str(file), read_only=True) as copy:
            tables = copy.execute(
                "select schema_name || '.' || table_name, list(column_name) from duckdb_columns() "
                "where table_name in (select table_name from duckdb_columns() where column_name = 'is_suppressed') "
                "and column_name in ('numerator', 'denominator', 'value', 'observations') group by all"
            ).fetchall()
            assert tables
            for table, columns in tables:
                has_a_figure = " or ".join(f"{column} is not null" for column in columns)
                query = f"select count(*) from {table} where is_suppressed and ({has_a_figure})"
                assert copy.execute(query).fetchone() == (0,), table
            hidden = copy.execute("select count(*) from kpi.rpt_kpi where is_suppressed").fetchone()
            assert hidden != (0,)


def ask(person: Person, dataset: int, **query: Any) -> dict[str, Any]:
    """Ask for the number of rows of a dataset and their territories, of the kept answers if there are any."""
    count = {"expressionType": "SQL", "sqlExpression": "count(*)", "label": "rows"}
    asked = {"columns": ["territory_code"], "metrics": [count], "row_limit": 10_000, **query}
    answer = person.post(
        "/api/v1/chart/data", json={"datasource": {"id": dataset, "type": "table"}, "queries": [asked]}
    )
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["result"]
    return result


def draw(person: Person, dataset: int) -> dict[str, Any]:
    """Ask for a map as the older charts do."""
    form = {
        "datasource": f"{dataset}__table", "viz_type": "country_map", "select_country": "france",
        "entity": "territory_code", "adhoc_filters": [], "row_limit": 10_000,
        "metric": {"expressionType": "SQL", "sqlExpression": "count(*)", "label": "rows"},
    }  # fmt: skip
    answer = person.post("/superset/explore_json/", data={"form_data": json.dumps(form)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def places(answer: Mapping[str, Any]) -> set[str]:
    return {row.get("territory_code") or row["country_id"] for row in answer["data"]}


def bind(client: Client, rule: Mapping[str, Any], tables: list[int]) -> None:
    roles = [role["id"] for role in rule["roles"]]  # a rule without roles loses those that it has
    client.put(f"/api/v1/rowlevelsecurity/{rule['id']}", json={"tables": tables, "roles": roles})


@pytest.mark.parametrize("way", [ask, draw])
def test_a_kept_answer_is_given_to_the_same_right_only(administration, bundle, numbers, folk, way):
    """The dataset has no row rule: nothing but the right keeps the answers of both roles apart."""
    dataset, rules = numbers["rpt_kpi"], administration.list("rowlevelsecurity", ["id", "name", "clause"])
    kept = [administration.get(f"/api/v1/rowlevelsecurity/{rule['id']}")["result"] for rule in rules]
    for rule in kept:
        bind(administration, rule, [table["id"] for table in rule["tables"] if table["id"] != dataset])
    try:
        cache.invalidate(administration, bundle)
        national = way(folk["nationale"], dataset)
        assert places(national) > {"FR", "FR-33", "FR-69"}
        assert way(folk["nationale"], dataset)["is_cached"]
        bound = way(folk["gironde"], dataset)
        assert not bound["is_cached"]
        assert places(bound) == {"FR", "FR-33"}
        assert way(folk["gironde"], dataset)["is_cached"]
        assert places(way(folk["rhone"], dataset)) == {"FR", "FR-69"}
        assert places(way(folk["nationale"], dataset)) == places(national)
    finally:
        for rule in kept:
            bind(administration, rule, [table["id"] for table in rule["tables"]])
        cache.invalidate(administration, bundle)


def test_sql_lab_and_samples_open_the_same_file(administration, folk, bundle):
    target = attacks.Target.on(administration, bundle)
    sql = "select distinct territory_code from kpi.rpt_kpi"
    answer = attacks.run_sql(folk["analyste_gironde"], target, sql).json()
    assert {row["territory_code"] for row in answer["data"]} == {"FR", "FR-33"}
    assert "FR-69" in attacks.sql_lab(sql)(folk["analyste"], target)
    assert "FR-69" not in attacks.samples()(folk["analyste_gironde"], target)


def test_the_former_name_of_a_table_shows_what_the_table_shows(administration, folk, bundle):
    """A saved query outlives a renaming, and neither the file nor the row rules give it another row."""
    target = attacks.Target.on(administration, bundle)
    sql = "select {0}.territory_code, count(value) as shown from kpi.{0} group by 1 order by 1"
    former, today = (
        attacks.run_sql(folk["analyste_gironde"], target, sql.format(name)).json()
        for name in ("kpi_reading", "rpt_kpi")
    )
    assert [row["territory_code"] for row in former["data"]] == ["FR", "FR-33"]
    assert former["data"] == today["data"]
    assert "FR-33" in former["query"]["executedSql"], "the row rules hold for it"
    assert "FR-69" in attacks.sql_lab(sql.format("kpi_reading"))(folk["analyste"], target)
    assert attacks.is_refusal(attacks.sql_lab("select * from signals.daily_alarm")(folk["analyste"], target))


@pytest.mark.usefixtures("bundle")
def test_schemas_are_still_told(administration):
    database = administration.ids("database")[identifier("database", MAIN)]
    assert "kpi" in " ".join(administration.get(f"/api/v1/database/{database}/schemas/")["result"])


def test_whoever_has_no_role_of_the_project_opens_nothing(server):
    """Superset's own roles, nobody at all, and a database that is no published copy."""
    script = """
from superset.app import create_app
app = create_app()
with app.app_context():
    from flask import g
    from sqlalchemy.engine.url import make_url
    from superset import security_manager
    from superset.exceptions import SupersetSecurityException
    import connections
    published = make_url({uri!r})
    def opened(name, url=published):
        g.pop("user", None)
        if name:
            g.user = security_manager.find_user(username=name)
        try:
            return connections.choose(url, {{}}, None, security_manager, None)[0].database
        except SupersetSecurityException:
            return None
    print(opened(None), opened("gironde", make_url("duckdb:////tmp/other.duckdb")))
    g.user = security_manager.get_anonymous_user()
    print(connections.right(security_manager).key != "", bool(connections.right(security_manager)))
    security_manager.add_user("etranger", "E", "E", "e@example.org", security_manager.find_role("Alpha"), password="x")
    print(opened("etranger"))
    print(opened("admin"), opened("courrier"))
"""
    environment = {
        **server.environment,
        "SUPERSET_CONFIG_PATH": str(SERVER.parent / "superset_config.py"),
        "PYTHONPATH": str(SERVER.parent),
    }
    done = subprocess.run(
        [PYTHON, "-c", script.format(uri=server.database_uri)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    nobody, anonymous, stranger, known = done.stdout.strip().splitlines()[-4:]
    assert (nobody, anonymous, stranger) == ("None None", "True False", "None")
    everything, of_pages = known.split()
    assert everything == str(Path(server.database_uri.removeprefix("duckdb:///")).resolve())
    assert of_pages.endswith(f"rights/{rights.current().right(['courrier']).key}/serving.duckdb")
