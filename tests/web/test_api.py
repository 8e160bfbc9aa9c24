"""The figures over HTTP: the same as the copy's, for whoever has a token, and no more than its role sees."""

import csv
import io
from datetime import timedelta

import duckdb
import pytest
import yaml
from django.test import Client
from typer.testing import CliRunner

from cli.main import app
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, Home
from operations import tokens
from operations.models import ApiToken
from tests.handmade import write_copy
from warehouse import rights
from web import api

#: Gironde and Landes of Nouvelle-Aquitaine, Finistère of Bretagne; one row of the Landes is suppressed.
COPY = """
    create schema kpi; create schema reference; create schema audit;
    create table audit.publication as
        select 'p-1' as publication_id, timestamptz '2026-11-25 03:00:00+00' as published_at,
        date '2026-11-24' as data_as_of, 'c0ffee' as code_version;
    create table reference.dim_territory as
        select * from (values
            ('FR', null, null), ('FR-NAQ', 'FR-NAQ', 'GN-NAQ'), ('GN-NAQ', null, 'GN-NAQ'), ('FR-33', 'FR-NAQ', 'GN-NAQ'),
            ('FR-40', 'FR-NAQ', 'GN-NAQ'), ('FR-29', 'FR-BRE', 'GN-BRE'), ('ZZ', null, null)
        ) as t (territory_code, region_code, gendarmerie_region_code);
    create table kpi.kpi_catalogue as
        select 'victims' as kpi_code, 'Victimes' as label, 'nombre' as unit, cast(null as decimal(18, 6)) as target;
    create table kpi.kpi_value as
        select
            'victims' as kpi_code, 'month' as period_type, cast(start as date) as period_start, level as territory_level,
            place as territory_code, dimension as breakdown_dimension, part as breakdown_value,
            cast(n as decimal(38, 6)) as numerator, cast(null as decimal(38, 6)) as denominator,
            cast(n as decimal(18, 6)) as value, cast(n as bigint) as observations, n is null as is_suppressed
        from (values
            ('2026-09-01', 'nation', 'FR', 'total', 'total', 90), ('2026-10-01', 'nation', 'FR', 'total', 'total', 100),
            ('2026-10-01', 'region', 'FR-NAQ', 'total', 'total', 40), ('2026-10-01', 'departement', 'FR-33', 'total', 'total', 33),
            ('2026-10-01', 'departement', 'FR-40', 'total', 'total', null),
            ('2026-10-01', 'departement', 'FR-29', 'total', 'total', 29.5), ('2026-10-01', 'unknown', 'ZZ', 'total', 'total', 1),
            ('2026-10-01', 'nation', 'FR', 'threat', 'Hameçonnage', 60)
        ) as t (start, level, place, dimension, part, n);
"""  # noqa: E501 - a table of values


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def client() -> Client:
    return Client(headers={"Host": "127.0.0.1"})


@pytest.fixture
def copy(home: Home) -> None:
    write_copy(home, COPY)


def bearer(role: str = "national", name: str = "essai") -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.add(name, role)}"}


def places(answer) -> list[str]:
    return [row["territory_code"] for row in answer.json()["values"]]


@pytest.mark.usefixtures("copy")
def test_values_are_those_of_the_copy_and_name_their_publication(client):
    answer = client.get("/api/kpi/victims", query_params={"from": "2026-10", "to": "2026-10"}, headers=bearer())
    assert answer.status_code == 200
    assert answer.headers["X-Publication-Id"] == "p-1"
    body = answer.json()
    assert body["publication"] == {
        "publication_id": "p-1",
        "published_at": "2026-11-25T03:00:00+00:00",
        "data_as_of": "2026-11-24",
        "code_version": "c0ffee",
    }
    assert body["kpi"]["label"] == "Victimes"
    shown = {row["territory_code"]: (row["value"], row["is_suppressed"]) for row in body["values"]}
    assert shown == {
        "FR": (100, False),
        "FR-NAQ": (40, False),
        "FR-33": (33, False),
        "FR-40": (None, True),
        "FR-29": (29.5, False),
        "ZZ": (1, False),
    }
    assert {row["numerator"] for row in body["values"] if row["territory_code"] == "FR-40"} == {None}


@pytest.mark.usefixtures("copy")
def test_csv_has_the_same_rows(client):
    token = bearer()
    answer = client.get("/api/kpi/victims?territory=FR&format=csv", headers=token)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert [(row["publication_id"], row["period_start"], row["value"]) for row in rows] == [
        ("p-1", "2026-09-01", "90"),
        ("p-1", "2026-10-01", "100"),
    ]
    (part,) = client.get("/api/kpi/victims?breakdown=threat", headers=token).json()["values"]
    assert (part["breakdown_value"], part["value"]) == ("Hameçonnage", 60)
    (defined,) = client.get("/api/kpi", headers=token).json()["kpis"]
    assert defined["kpi_code"] == "victims"


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("national", ["FR", "FR-29", "FR-33", "FR-40", "FR-NAQ", "ZZ"]),
        ("departement-FR-33", ["FR", "FR-33"]),
        ("region-FR-NAQ", ["FR", "FR-33", "FR-40", "FR-NAQ"]),
        ("region-gendarmerie-GN-NAQ", ["FR", "FR-33", "FR-40"]),  # the region of that name is another territory
    ],
)
def test_a_token_sees_what_its_role_sees(client, role, seen):
    token = bearer(role)
    assert sorted(places(client.get("/api/kpi/victims?from=2026-10", headers=token))) == seen
    for place in ("FR", "FR-33", "FR-40", "FR-29", "FR-NAQ", "ZZ"):
        answer = client.get("/api/kpi/victims", query_params={"from": "2026-10", "territory": place}, headers=token)
        assert answer.status_code == (200 if place in seen else 403), place
        if place in seen:
            assert places(answer) == [place]
        else:
            assert "values" not in answer.json()


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/kpi/nothing", 404, "« nothing » n'existe pas"),
        ("/api/kpi/victims?period_type=century", 400, "n'est pas un type de période"),
        ("/api/kpi/victims?from=2026-13", 400, "n'est pas une période"),
        ("/api/kpi/victims?format=xml", 400, "n'est pas un format"),
        ("/api/kpi/victims?where=1", 400, "« where » n'existe pas"),
        ("/api/kpi/victims?territory=FR'%20or%201=1--", 403, "accès au territoire"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(client, path, status, said):
    answer = client.get(path, headers=bearer())
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert answer.json()["remedy"]


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("last", ["9999", "9999-Q4", "9999-12", "9999-W52", "9999-12-31"])
def test_the_end_of_the_calendar_is_a_period(client, last):
    answer = client.get(f"/api/kpi/victims?territory=FR&to={last}", headers=bearer())
    assert (answer.status_code, places(answer)) == (200, ["FR", "FR"])


@pytest.mark.usefixtures("copy")
def test_without_a_good_token_nothing_is_said(client):
    good = tokens.add("bon", "national")
    old = tokens.add("vieux", "national", days=1)
    assert client.get("/api/kpi", headers={"Authorization": f"bearer {good}"}).status_code == 200
    (holder,) = (holder for holder in tokens.holders() if holder.name == "vieux")
    assert tokens.holder_of(old, holder.expires_on) == holder
    assert tokens.holder_of(old, holder.expires_on + timedelta(days=1)) is None
    tokens.revoke("bon")
    for credentials in (None, f"Bearer {good}", "Bearer ", f"Basic {old}"):
        answer = client.get("/api/kpi", headers={"Authorization": credentials} if credentials else {})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "kpis" not in answer.json()


def test_a_token_is_kept_as_a_hash_by_its_owner_alone(home):
    token = tokens.add("essai", "departement-FR-33")
    for file in home.root.glob("operations.sqlite*"):
        assert token not in file.read_bytes().decode("latin-1")
        assert file.stat().st_mode & 0o077 == 0
    [kept] = ApiToken.objects.values_list("sha256", flat=True)
    assert kept != token
    assert tokens.holder_of(kept) is None  # who reads the file has no token


@pytest.mark.parametrize(
    ("name", "role", "days", "said"),
    [
        ("Jean Dupont", "national", 9, "no name of a token"),
        ("a", "admin", 9, "is no role"),
        ("a", "departement-33", 9, "is no role"),
        ("a", "departement-FR-NAQ", 9, "its territory does not exist"),
        ("a", "departement-FR-99", 9, "its territory does not exist"),
        ("a", "region-FR-33", 9, "its territory does not exist"),
        ("a", "FR-99", 9, "is no role"),
        ("a", "national", 0, "0 days"),
        ("a", "national", 9_999_999, "9999999 days"),
    ],
)
def test_a_wrong_token_is_not_made(name, role, days, said):
    with pytest.raises(ExpectedFailure, match=said):
        tokens.add(name, role, days)
    assert tokens.holders() == []


def test_the_roles_of_tokens_are_those_of_superset():
    territories = {name for name, reader in rights.current().roles.items() if reader.places}
    assert tokens.roles() == {"national", *territories}


@pytest.mark.usefixtures("copy")
def test_a_token_opens_a_file_without_the_rows_of_others(home, client):
    write_copy(home, "create table t (i integer)", target="live", file_name="live_serving.duckdb")
    client.get("/api/kpi/victims", headers=bearer("departement-FR-33"))
    assert not list(home.published.glob("live/current/rights/*"))  # it has nothing for it
    (copy,) = home.published.glob("daily/current/rights/*/serving.duckdb")
    with duckdb.connect(str(copy), read_only=True) as connection:
        assert {place for (place,) in connection.execute("select territory_code from kpi.kpi_value").fetchall()} == {
            "FR", "FR-33"
        }  # fmt: skip


def test_before_the_first_publication_it_says_so(client):
    answer = client.get("/api/kpi", headers=bearer())
    assert answer.status_code == 503
    assert "publié" in answer.json()["error"]


def test_tokens_that_cannot_be_read_let_nobody_in(home, client):
    home.root.mkdir()
    home.operations.write_bytes(b"no database" * 100)
    answer = client.get("/api/kpi", headers={"Authorization": "Bearer anything"})
    assert answer.status_code == 503
    assert answer.json()["remedy"]


def test_the_page_of_the_interface_asks_nothing_of_anybody(client):
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("https://", "http://").replace("http://127.0.0.1/api/", "")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    named = {parameter["name"] for parameter in document["paths"]["/api/kpi/{code}"]["get"]["parameters"]}
    filters = {"period_type", "from", "to", "territory", "breakdown"}
    assert named == {"code", *filters, "format", "fields", "limit", "cursor"}
    assert all(f"<code>{name}</code>" in page.text for name in named)


def test_the_document_has_the_columns_of_the_catalogue():
    declared = yaml.safe_load((CHECKOUT / "dbt_project/models/kpi/kpi_catalogue.yml").read_text("utf-8"))
    [catalogue] = declared["models"]
    columns = [column["name"] for column in catalogue["columns"]]
    columns.remove("kpi_label")  # `label` again, by the name that a filter of dashboards needs
    assert list(api.Definition.model_fields) == columns


@pytest.mark.usefixtures("copy")
def test_answers_are_as_the_document_has_them(client):
    answer = client.get("/api/kpi/victims?from=2026-10", headers=bearer()).json()
    assert list(answer) == list(api.Values.model_fields)
    assert api.Publication.model_validate(answer["publication"])
    for row in answer["values"]:
        assert api.Value.model_validate(row).dict().keys() == row.keys()


@pytest.mark.usefixtures("copy")
def test_head_is_answered_and_nothing_else_but_get(client):
    token = bearer()
    asked = client.head("/api/kpi/victims", headers=token)
    assert (asked.status_code, asked.headers["X-Publication-Id"], asked.content) == (200, "p-1", b"")
    refused = client.post("/api/kpi/victims", headers=token)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_tokens_that_cannot_be_read_or_written_give_a_sentence(home):
    home.root.mkdir()
    home.operations.write_bytes(b"no database" * 100)
    for verb in (("list",), ("revoke", "essai"), ("add", "essai", "--role", "national")):
        failed = CliRunner().invoke(app, ["api", "token", *verb])
        assert isinstance(failed.exception, ExpectedFailure), failed.exception
        assert "operations.sqlite est inutilisable" in str(failed.exception)


def test_tokens_from_the_command_line():
    runner = CliRunner()
    made = runner.invoke(app, ["api", "token", "add", "partenaire", "--role", "region-FR-BRE", "--days", "30"])
    assert made.exit_code == 0
    assert tokens.holder_of(made.stdout.strip()).role == "region-FR-BRE"
    listed = runner.invoke(app, ["api", "token", "list"]).stdout
    assert "partenaire" in listed
    assert made.stdout.strip() not in listed
    assert runner.invoke(app, ["api", "token", "revoke", "partenaire"]).exit_code == 0
    assert tokens.holders() == []
