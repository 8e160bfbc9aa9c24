"""Whoever has a territory's role gets that territory's rows and the nation's, whatever way they ask.

Each way is first seen to work for somebody who may: an attack that finds nothing for anybody would prove nothing.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from supersync.bundle import Bundle

from tests.superset import attacks, people
from tests.superset.attacks import (
    CANARY,
    CHARTS,
    OPEN_LIVE_SQL,
    OPEN_SQL,
    SHUT_CHARTS,
    SHUT_LIVE_SQL,
    SHUT_SQL,
    TEXTS,
    Target,
)
from tests.superset.copies import altered
from tests.superset.people import People

TERRITORIAL = ("gironde", "aquitaine", "gendarmerie_aquitaine")


@pytest.fixture(scope="module")
def bundle(server, administration, tmp_path_factory) -> Iterator[Bundle]:
    """The bundle on a server with everybody, over copies that hold the canary."""
    held, _ = people.grant(server, administration, tmp_path_factory.mktemp("policies"))
    statements = {"daily": attacks.STATEMENTS, "live": attacks.LIVE_STATEMENTS}
    with altered(server.home, administration, held, "canary", lambda name, _: statements[name]):
        yield held


@pytest.fixture(scope="module")
def target(administration, bundle) -> Target:
    return Target.on(administration, bundle)


@pytest.fixture(scope="module")
def folk(server, administration, bundle) -> People:  # noqa: ARG001 - the bundle's fixture makes them
    return People(server.url, administration)


@pytest.mark.parametrize("way", CHARTS)
def test_a_chart_shows_ones_own_rows(folk, target, way):
    assert CANARY in CHARTS[way](folk["nationale"], target)
    for name in TERRITORIAL:
        assert CANARY not in CHARTS[way](folk[name], target), name


@pytest.mark.parametrize("way", TEXTS)
def test_texts_are_read_by_those_who_may_and_of_their_territory(folk, target, way):
    for name in ("analyste", "administrateur"):
        assert CANARY in TEXTS[way](folk[name], target), name
    bound = TEXTS[way](folk["analyste_gironde"], target)
    assert not attacks.is_refusal(bound)
    assert CANARY not in bound
    for name in ("nationale", *TERRITORIAL):
        answer = TEXTS[way](folk[name], target)
        assert attacks.is_refusal(answer), name
        assert CANARY not in answer, name


@pytest.mark.parametrize(
    "sql", ["select text from perception.fct_verbatim", "select words from perception.fct_verbatim_term"]
)
@pytest.mark.parametrize("name", ["analyste", "analyste_gironde", "auditeur"])
def test_texts_are_read_through_datasets_only(folk, target, sql, name):
    answer = attacks.sql_lab(sql)(folk[name], target)
    assert attacks.is_refusal(answer), answer[:300]
    assert CANARY not in answer


@pytest.mark.parametrize("way", SHUT_CHARTS)
@pytest.mark.parametrize("name", ["gironde", "nationale", "analyste"])
def test_a_chart_takes_no_sql_that_leaves_its_dataset(folk, target, way, name):
    answer = SHUT_CHARTS[way](folk[name], target)
    assert attacks.is_refusal(answer), answer[:300]
    assert CANARY not in answer


@pytest.mark.parametrize("sql", OPEN_SQL)
def test_sql_lab_shows_ones_own_rows(folk, target, sql):
    assert CANARY in attacks.sql_lab(sql)(folk["analyste"], target)
    assert CANARY in attacks.sql_lab(sql)(folk["auditeur"], target)
    answer = attacks.sql_lab(sql)(folk["analyste_gironde"], target)
    assert not attacks.is_refusal(answer)
    assert CANARY not in answer


@pytest.mark.parametrize("sql", SHUT_SQL)
@pytest.mark.parametrize("name", ["analyste_gironde", "auditeur"])
def test_sql_lab_refuses_what_reaches_past_the_rules(folk, target, sql, name):
    answer = attacks.sql_lab(sql)(folk[name], target)
    assert attacks.is_refusal(answer), answer[:300]
    assert CANARY not in answer


@pytest.mark.parametrize("sql", OPEN_LIVE_SQL)
def test_sql_lab_shows_ones_own_rows_of_the_live_database_too(folk, target, sql):
    for name in ("analyste", "auditeur"):
        assert CANARY in attacks.live_sql_lab(sql)(folk[name], target), name
    answer = attacks.live_sql_lab(sql)(folk["analyste_gironde"], target)
    assert not attacks.is_refusal(answer)
    assert CANARY not in answer


@pytest.mark.parametrize("sql", SHUT_LIVE_SQL)
@pytest.mark.parametrize("name", ["analyste_gironde", "auditeur", "gironde"])
def test_sql_lab_refuses_what_reaches_past_the_rules_of_the_live_database(folk, target, sql, name):
    answer = attacks.live_sql_lab(sql)(folk[name], target)
    assert attacks.is_refusal(answer), answer[:300]
    assert CANARY not in answer


@pytest.mark.parametrize("name", [*TERRITORIAL, "nationale"])
def test_only_three_roles_have_sql_lab(folk, target, name):
    assert attacks.run_sql(folk[name], target, "select 1").status_code == 403
    assert folk[name].get("/sqllab/").status_code == 403


# -- What each sees


def places(person, target) -> set[str]:
    body = {
        "datasource": {"id": target.datasets["rpt_kpi"], "type": "table"},
        "queries": [{"columns": ["territory_code"], "metrics": ["valeur"], "row_limit": 10_000}],
    }
    answer = person.post("/api/v1/chart/data", json=body).json()["result"][0]
    return {row["territory_code"] for row in answer["data"]}


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("gironde", {"FR", "FR-33"}),
        ("rhone", {"FR", "FR-69"}),
        ("aquitaine", {"FR", "FR-NAQ", "FR-33"}),
        ("gendarmerie_aquitaine", {"FR", "GN-NAQ", "FR-33"}),
        ("deux_places", {"FR", "FR-33", "FR-69"}),
        ("analyste_gironde", {"FR", "FR-33"}),
    ],
)
def test_which_territories_a_role_sees(folk, target, name, seen):
    assert places(folk[name], target) == seen


@pytest.mark.parametrize("name", ["nationale", "analyste", "auditeur", "administrateur"])
def test_the_other_roles_see_them_all(folk, target, name):
    assert places(folk[name], target) >= {"FR", "FR-33", "FR-69", "FR-35", "FR-ARA", "XX"}


def test_values_of_a_column(folk, target):
    path = f"/api/v1/datasource/table/{target.datasets['rpt_kpi']}/column/territory_name/values/"
    assert sorted(folk["analyste_gironde"].get(path).json()["result"]) == ["France", "Gironde"]
    assert "Rhône" in folk["analyste"].get(path).json()["result"]
    assert folk["gironde"].get(path).status_code == 403


def test_an_account_that_was_given_a_dataset_but_no_role_of_the_project_sees_no_row(server, target, administration):
    """Superset's own Alpha reads every dataset; it has no right of the project, and so no file to read."""
    roles = administration.get("/api/v1/security/roles/search/", params={"q": "(page:0,page_size:1000)"})["result"]
    alpha = next(role["id"] for role in roles if role["name"] == "Alpha")
    password = "a password of the test"
    user = {"username": "alpha", "first_name": "A", "last_name": "B", "email": "alpha@example.org", "active": True}
    made = administration.post("/api/v1/security/users/", json={**user, "password": password, "roles": [alpha]})
    try:
        stranger = people.come_in(server.url, "alpha", password)
        assert attacks.is_refusal(CHARTS["every row"](stranger, target))
        assert CANARY not in CHARTS["a query over tables: reviews"](stranger, target)
        assert CANARY not in attacks.sql_lab("select max(value) from kpi.rpt_kpi")(stranger, target)
    finally:
        administration.delete(f"/api/v1/security/users/{made['id']}")


# -- What was kept for others


def test_roles_do_not_share_kept_answers(folk, target):
    body = {
        "datasource": {"id": target.datasets["rpt_kpi"], "type": "table"},
        "queries": [{"columns": ["territory_name", "value_label"], "row_limit": 3, **attacks.HIGHEST}],
        "force": False,
    }

    def ask(name: str) -> dict:
        return folk[name].post("/api/v1/chart/data", json=body).json()["result"][0]

    first, again = ask("nationale"), ask("nationale")
    assert (bool(first["is_cached"]), again["is_cached"]) == (False, True)
    assert CANARY in json.dumps(again["data"])
    other = ask("gironde")
    assert not other["is_cached"]
    assert other["cache_key"] != again["cache_key"]
    assert CANARY not in json.dumps(other["data"])
    assert ask("gironde")["is_cached"]
    assert ask("ingenieur")["cache_key"] == again["cache_key"]  # who has the same right may share
    assert ask("analyste")["cache_key"] != again["cache_key"]
    by_key = folk["gironde"].get(f"/api/v1/chart/data/{again['cache_key']}")
    assert attacks.rejected(by_key)
    assert CANARY not in by_key.text


@pytest.fixture(scope="module")
def query_of_another(folk, target) -> tuple[str, int]:
    """A query that the analyst ran: the name that the page gave it, and its number."""
    name = f"q{int(time.time())}"
    answer = attacks.run_sql(folk["analyste"], target, "select max(value) as x from kpi.rpt_kpi", client_id=name)
    assert CANARY in answer.text
    return name, answer.json()["query_id"]


def test_the_owner_of_a_query_exports_it(folk, query_of_another):
    name, number = query_of_another
    assert CANARY in folk["analyste"].get(f"/api/v1/sqllab/export/{name}/").text
    assert CANARY in attacks.text(folk["analyste"].post("/api/v1/chart/data", json=chart_on(number)))


def chart_on(query: int) -> dict:
    return {
        "datasource": {"id": query, "type": "query"},
        "queries": [{"columns": ["x"], "row_limit": 10}],
        "result_format": "json",
        "result_type": "full",
    }


@pytest.mark.parametrize("way", ["export", "stream", "chart", "samples", "values", "number"])
def test_a_query_is_nobody_elses(folk, query_of_another, way):
    name, number = query_of_another
    person = folk["analyste_gironde"]
    answer = {
        "export": lambda: person.get(f"/api/v1/sqllab/export/{name}/"),
        "stream": lambda: person.post("/api/v1/sqllab/export_streaming/", data={"client_id": name}),
        "chart": lambda: person.post("/api/v1/chart/data", json=chart_on(number)),
        "samples": lambda: person.post(
            "/datasource/samples", params={"datasource_type": "query", "datasource_id": number}, json={}
        ),
        "values": lambda: person.get(f"/api/v1/datasource/query/{number}/column/x/values/"),
        "number": lambda: person.get(f"/api/v1/query/{number}"),
    }[way]()
    assert attacks.rejected(answer)
    assert CANARY not in answer.text


def test_the_list_of_queries_is_ones_own(folk, target, query_of_another):
    _, number = query_of_another
    attacks.run_sql(folk["analyste_gironde"], target, "select 1")
    listed = folk["analyste_gironde"].get("/api/v1/query/").json()
    assert listed["ids"]
    assert number not in listed["ids"]


# -- What a role does not read at all


@pytest.mark.parametrize("name", ["gironde", "nationale"])
@pytest.mark.parametrize("way", ["data", "number", "samples", "columns", "drill", "page"])
def test_a_reserved_dataset_by_its_number(folk, target, name, way):
    number = target.datasets["experiences"]
    person = folk[name]
    answer = {
        "data": lambda: person.post(
            "/api/v1/chart/data",
            json={"datasource": {"id": number, "type": "table"}, "queries": [{"columns": ["experience_id"]}]},
        ),
        "number": lambda: person.get(f"/api/v1/dataset/{number}"),
        "samples": lambda: person.post(
            "/datasource/samples", params={"datasource_type": "table", "datasource_id": number}, json={}
        ),
        "columns": lambda: person.get(f"/datasource/get/table/{number}/"),
        "drill": lambda: person.get(f"/api/v1/dataset/{number}/drill_info/"),
        "page": lambda: person.get(f"/explore/?datasource_type=table&datasource_id={number}"),
    }[way]()
    assert attacks.rejected(answer)


def test_a_reserved_dataset_under_the_name_of_a_dashboard(folk, target):
    """Superset opens the datasets of a dashboard to who opens it; one must not lend its name to another dataset."""
    number, chart = target.datasets["experiences"], target.charts["latest_actors"]
    body = {
        "datasource": {"id": number, "type": "table"},
        "queries": [{"columns": ["experience_id"]}],
        "form_data": {"dashboardId": target.dashboards["acteurs"], "slice_id": chart, "datasource": f"{number}__table"},
    }
    assert folk["gironde"].post("/api/v1/chart/data", json=body).status_code == 403


def test_a_chart_on_a_reserved_dataset_as_a_layer(folk, target):
    """A layer would run the query of another chart without asking who reads its dataset: nobody gets one."""
    analyst = folk["analyste"]
    query = {"columns": ["main_structure_name", "published_on"], "row_limit": 10_000, "orderby": [], "filters": []}
    source = {"id": target.datasets["experiences"], "type": "table"}
    context = {
        "datasource": source,
        "queries": [query],
        "result_format": "json",
        "result_type": "full",
        "form_data": {},
    }
    made = analyst.post(
        "/api/v1/chart/",
        json={
            "slice_name": "Couche",
            "viz_type": "table",
            "datasource_id": source["id"],
            "datasource_type": "table",
            "params": "{}",
            "query_context": json.dumps(context),
        },
    ).json()
    try:
        number = {**target.charts, "layer": made["id"]}
        layered = Target(target.datasets, number, target.dashboards, target.database)
        attack = attacks.annotation("layer", time="published_on")
        for person in (analyst, *map(folk.__getitem__, TERRITORIAL)):
            answer = attack(person, layered)
            assert attacks.is_refusal(answer)
            assert CANARY not in answer
            assert "main_structure_name" not in answer
    finally:
        analyst.http.delete(f"/api/v1/chart/{made['id']}")


FORBIDDEN = {
    "make a dataset": (
        "POST",
        "/api/v1/dataset/",
        {"database": 1, "schema": "kpi", "table_name": "x", "sql": "select 1"},
    ),
    "change a dataset": ("PUT", "/api/v1/dataset/{dataset}", {"sql": "select * from kpi.rpt_kpi"}),
    "copy a dataset": ("POST", "/api/v1/dataset/duplicate", {"base_model_id": 1, "table_name": "x"}),
    "delete a dataset": ("DELETE", "/api/v1/dataset/{dataset}", None),
    "a guest's token": (
        "POST",
        "/api/v1/security/guest_token/",
        {"user": {"username": "x"}, "resources": [{"type": "dashboard", "id": "x"}], "rls": []},
    ),
    "read the rules": ("GET", "/api/v1/rowlevelsecurity/", None),
    "make a rule": (
        "POST",
        "/api/v1/rowlevelsecurity/",
        {"name": "x", "filter_type": "Regular", "tables": [1], "roles": [1], "clause": "1 = 1"},
    ),
    "read accounts": ("GET", "/api/v1/security/users/", None),
    "make an account": ("POST", "/api/v1/security/users/", {"username": "x"}),
    "read roles": ("GET", "/api/v1/security/roles/search/", None),
    "give a role": ("PUT", "/api/v1/security/roles/1/users", {"user_ids": [1]}),
    "export everything": ("GET", "/api/v1/assets/export/", None),
    "import": ("POST", "/api/v1/assets/import/", {}),
    "the address of the database": ("GET", "/api/v1/database/{database}/connection", None),
    "change the database": ("PUT", "/api/v1/database/{database}", {"allow_dml": True}),
    "the journal": ("GET", "/api/v1/log/", None),
    "estimate a query": ("POST", "/api/v1/sqllab/estimate/", {"database_id": 1, "sql": "select 1"}),
    "forget kept answers": ("POST", "/api/v1/cachekey/invalidate", {"datasource_uids": ["1__table"]}),
    "change a chart of the bundle": ("PUT", "/api/v1/chart/{chart}", {"slice_name": "x"}),
    "change a dashboard of the bundle": ("PUT", "/api/v1/dashboard/{dashboard}", {"dashboard_title": "x"}),
    "delete a dashboard of the bundle": ("DELETE", "/api/v1/dashboard/{dashboard}", None),
}


@pytest.mark.parametrize("what", FORBIDDEN)
@pytest.mark.parametrize("name", ["gironde", "nationale", "analyste"])
def test_what_no_reader_may_do(folk, target, name, what):
    method, path, body = FORBIDDEN[what]
    numbers = {
        "dataset": target.datasets["rpt_kpi"],
        "chart": target.charts["latest_actors"],
        "dashboard": target.dashboards["acteurs"],
        "database": target.database,
    }
    answer = folk[name].http.request(method, path.format(**numbers), json=body)
    assert answer.status_code in {401, 403, 404}, answer.text[:200]


def test_one_changes_ones_own_password_and_nothing_else(server, administration, bundle):  # noqa: ARG001
    person = people.People(server.url, administration)["rhone"]
    assert person.put("/api/v1/me/", json={"roles": [1]}).status_code == 400
    assert person.put("/api/v1/me/", json={"password": "un mot de passe à moi"}).is_success
    assert person.get("/api/v1/me/roles/").status_code == 401  # a new password ends every session
    again = people.come_in(server.url, "rhone", "un mot de passe à moi")
    assert list(again.get("/api/v1/me/roles/").json()["result"]["roles"]) == ["departement-FR-69"]


def test_a_forged_guest_opens_nothing(server, target):
    """Even one signed with the server's own key: no dashboard is embedded here."""
    claims = {
        "user": {"username": "invité"},
        "resources": [{"type": "dashboard", "id": "acteurs"}],
        "rls_rules": [],
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
        "aud": server.url,
        "type": "guest",
    }
    token = jwt.encode(claims, server.environment["SUPERSET_SECRET_KEY"], algorithm="HS256")
    with people.httpx.Client(base_url=server.url, headers={"X-GuestToken": token}) as guest:
        body = {
            "datasource": {"id": target.datasets["rpt_kpi"], "type": "table"},
            "queries": [{"columns": ["value"]}],
        }
        assert guest.post("/api/v1/chart/data", json=body).status_code in {400, 401, 403}
        assert guest.get("/api/v1/dashboard/acteurs").status_code in {401, 403, 404}


@pytest.mark.parametrize("name", ["auditeur", "administrateur"])
def test_who_watches_reads_the_journal_and_the_rules(folk, name):
    for path in ("/api/v1/log/", "/api/v1/rowlevelsecurity/", "/api/v1/security/users/", "/api/v1/security/roles/"):
        assert folk[name].get(path).is_success, path
    assert folk[name].http.request("PUT", "/api/v1/rowlevelsecurity/1", json={"clause": "1 = 1"}).status_code == 403


def test_only_the_administrator_makes_accounts(folk):
    user = {"username": "nouveau", "first_name": "N", "last_name": "V", "email": "n@example.org", "password": "x" * 15}
    roles = folk["administrateur"].get("/api/v1/security/roles/?q=(page_size:100)").json()["result"]
    body = {**user, "roles": [next(role["id"] for role in roles if role["name"] == "national")]}
    assert folk["auditeur"].post("/api/v1/security/users/", json=body).status_code == 403
    made = folk["administrateur"].post("/api/v1/security/users/", json=body)
    assert made.status_code == 201
    assert folk["administrateur"].http.delete(f"/api/v1/security/users/{made.json()['id']}").is_success


def test_a_text_too_long_to_be_read_is_refused(folk, target):
    long = attacks.sql_column("max(greatest(" + ",".join("1" * 20_000) + "))")
    assert "trop longue" in attacks.chart_data(columns=[], metrics=[long])(folk["gironde"], target)
    assert "trop longue" in attacks.sql_lab(f"select {long['sqlExpression']}")(folk["analyste_gironde"], target)


def test_a_table_too_large_to_pivot_is_refused(folk, target):
    across = [attacks.sql_column(f"rowid::varchar || '{side}'") | {"label": side} for side in ("a", "b")]
    pivot = {"index": ["a"], "columns": ["b"], "aggregates": {"valeur": {"operator": "mean"}}}
    steps = [{"operation": "pivot", "options": pivot}, {"operation": "flatten"}]

    def ask(rows: int) -> str:
        asked = attacks.chart_data(columns=across, metrics=["valeur"], row_limit=rows, post_processing=steps)
        return asked(folk["nationale"], target)

    assert "trop grand" in ask(2_000)
    assert not attacks.is_refusal(ask(20))


def test_an_answer_of_too_many_values_is_refused(folk, target):
    wide = [attacks.sql_column("true") | {"label": f"c{number}"} for number in range(600)]
    ask = attacks.chart_data(columns=[*wide, attacks.sql_column("rowid")], metrics=[], row_limit=10_000)
    assert attacks.is_refusal(ask(folk["nationale"], target))


@pytest.mark.parametrize("operation", ["resample", "prophet"])
def test_operations_that_nothing_bounds_are_refused(folk, target, operation):
    ask = attacks.chart_data(post_processing=[{"operation": operation, "options": {}}])
    assert "pas permise" in ask(folk["nationale"], target)


@pytest.mark.parametrize("kind", ["chart", "dashboard", "dataset"])
def test_nobody_lists_the_accounts(folk, kind):
    path = f"/api/v1/{kind}/related/owners"
    for name in ("gironde", "analyste"):
        assert folk[name].get(path).json()["count"] <= 1
    assert folk["administrateur"].get(path).json()["count"] > 1


def test_an_account_with_many_requests_in_flight_waits_for_them(folk):
    """One account holds no thread that others need: what exceeds its share is refused at once."""
    person = folk["gironde"]
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: person.http.get("/api/v1/dashboard/").status_code, range(40)))
    assert set(answers) <= {200, 429}
    assert person.get("/api/v1/me/").is_success
