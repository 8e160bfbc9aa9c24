"""What integrators ask of the API: pages, columns, forms, revalidation, limits, a client made of its document."""

import base64
import csv
import io
import json
import subprocess
import sys
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client
from pyarrow import parquet

from core.settings import Home
from tests.handmade import write_copy
from tests.web.test_api import COPY, bearer

pytestmark = pytest.mark.usefixtures("home", "copy")

MORE = """
    insert into kpi.kpi_catalogue values ('visits', 'Visites', 'nombre', null);
    insert into kpi.kpi_value values
        ('visits', 'month', '2026-10-01', 'nation', 'FR', 'total', 'total', 7, null, 7, 1, false),
        ('visits', 'month', '2026-10-01', 'departement', 'FR-29', 'total', 'total', 2, null, 2, 1, false);
"""
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def copy(home: Home) -> None:
    write_copy(home, COPY + MORE)


@pytest.fixture
def client() -> Client:
    return Client(headers={"Host": "127.0.0.1"})


def republish(home: Home) -> None:
    """Publish the same figures again, under another name."""
    (home.published / "daily" / "current").unlink()
    (home.published / "daily" / "20260101T000000Z-abcdef").rename(home.published / "daily" / "former")
    write_copy(home, (COPY + MORE).replace("'p-1'", "'p-2'"))


def test_pages_hold_each_row_once(client) -> None:
    token = bearer()
    whole = client.get("/api/values?kpi=victims,visits", headers=token).json()
    assert [row["kpi_code"] for row in whole["values"]] == ["victims"] * 7 + ["visits"] * 2
    assert [kpi["kpi_code"] for kpi in whole["kpis"]] == ["victims", "visits"]
    assert whole["next"] is None
    rows, sizes, path = [], [], "/api/values?kpi=victims,visits&limit=4"
    while path:
        answer = client.get(path, headers=token)
        rows += answer.json()["values"]
        sizes.append(len(answer.json()["values"]))
        link = answer.headers.get("Link", "")
        assert bool(link) == bool(answer.json()["next"])
        path = link.partition("<")[2].partition(">")[0]
    assert sizes == [4, 4, 1]
    assert rows == whole["values"]


def test_a_cursor_is_of_one_question_and_one_publication(client, home) -> None:
    token = bearer()
    cursor = client.get("/api/kpi/victims?limit=1", headers=token).json()["next"]
    other = client.get(f"/api/kpi/visits?limit=1&cursor={cursor}", headers=token)
    assert (other.status_code, "curseur" in other.json()["error"]) == (400, True)
    for wrong in ("x", "bnVsbA", "W10", "é", cursor[:-4]):
        assert client.get("/api/kpi/victims", query_params={"cursor": wrong}, headers=token).status_code == 400
    state = json.loads(base64.b64decode(cursor + "=="))
    for place, forged in ((3, "20261001"), (3, "2026-W40-4"), (5, "\ud800"), (5, "\x00"), (2, {})):
        parts = [*state[:place], forged, *state[place + 1 :]]
        wrong = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
        answer = client.get("/api/kpi/victims", query_params={"limit": "1", "cursor": wrong}, headers=token)
        assert answer.status_code in (200, 400), (forged, answer.content)
    assert client.get("/api/kpi/victims?limit=0", headers=token).status_code == 400
    assert client.get("/api/kpi/victims?limit=50001", headers=token).status_code == 400
    republish(home)
    late = client.get(f"/api/kpi/victims?limit=1&cursor={cursor}", headers=token)
    assert (late.status_code, "publiés depuis" in late.json()["error"]) == (409, True)


def test_an_answer_that_has_not_changed_is_not_sent_again(client, home) -> None:
    token, other = bearer(), bearer("departement-FR-33", "autre")
    first = client.get("/api/kpi/victims", headers=token)
    mark = first.headers["ETag"]
    again = client.get("/api/kpi/victims", headers=token | {"If-None-Match": mark})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", mark)
    assert again.headers["X-Publication-Id"] == "p-1"
    weak = client.get("/api/kpi/victims", headers=token | {"If-None-Match": f'"x", W/{mark}'})
    assert weak.status_code == 304
    for path, headers in (
        ("/api/kpi/victims?format=csv", token),
        ("/api/kpi/victims?territory=FR", token),
        ("/api/kpi/victims", other),
    ):
        assert client.get(path, headers=headers | {"If-None-Match": mark}).status_code == 200
    assert client.get("/api/kpi/victims", headers={"If-None-Match": mark}).status_code == 401
    republish(home)
    assert client.get("/api/kpi/victims", headers=token | {"If-None-Match": mark}).status_code == 200


@pytest.mark.parametrize(
    ("accept", "status", "form"),
    [
        ("text/csv", 200, "text/csv"),
        (PARQUET, 200, PARQUET),
        ("*/*", 200, "application/json"),
        ("text/html, */*;q=0.8", 200, "application/json"),
        ("application/json;q=0.5, text/csv", 200, "text/csv"),
        ("application/xml", 406, "application/json"),
    ],
)
def test_the_form_is_the_one_that_is_accepted(client, accept, status, form) -> None:
    answer = client.get("/api/kpi/victims", headers=bearer() | {"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(form)
    if status == 200:
        assert {"Accept", "Authorization"} <= set(answer.headers["Vary"].split(", "))


def test_parquet_has_the_types_and_rows_of_the_copy(client) -> None:
    answer = client.get("/api/kpi/victims?from=2026-10&format=parquet", headers=bearer())
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.schema.field("period_start").type == pa.date32()
    assert table.schema.field("value").type == pa.decimal128(18, 6)
    shown = {row["territory_code"]: row["value"] for row in table.to_pylist()}
    assert (shown["FR-29"], shown["FR-40"]) == (Decimal("29.5"), None)
    assert set(table.column("publication_id").to_pylist()) == {"p-1"}
    nothing = client.get("/api/kpi/victims?from=2027&format=parquet", headers=bearer(name="vide"))
    assert parquet.read_table(io.BytesIO(nothing.content)).schema == table.schema


def test_fields_choose_columns_in_every_form(client) -> None:
    token, asked = bearer(), "/api/values?kpi=visits&fields=value,territory_code"
    expected = [{"value": 2, "territory_code": "FR-29"}, {"value": 7, "territory_code": "FR"}]
    assert client.get(asked, headers=token).json()["values"] == expected
    rows = list(csv.DictReader(io.StringIO(client.get(f"{asked}&format=csv", headers=token).text)))
    assert rows == [{"value": "2", "territory_code": "FR-29"}, {"value": "7", "territory_code": "FR"}]
    table = parquet.read_table(io.BytesIO(client.get(f"{asked}&format=parquet", headers=token).content))
    assert table.to_pylist() == expected
    kpis = client.get("/api/kpi?fields=kpi_code", headers=token).json()["kpis"]
    assert kpis == [{"kpi_code": "victims"}, {"kpi_code": "visits"}]
    refused = client.get("/api/kpi/victims?fields=value,secret", headers=token)
    assert (refused.status_code, "« secret » n'existe pas" in refused.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/values", 400),
        ("/api/values?kpi=", 400),
        ("/api/values?kpi=victims,nothing", 404),
        (f"/api/values?kpi={','.join(f'k{n}' for n in range(21))}", 400),
        ("/api/values?kpi=victims&territory=FR-33&where=1", 400),
    ],
)
def test_a_wrong_question_on_several_is_refused(client, path, status) -> None:
    answer = client.get(path, headers=bearer())
    assert answer.status_code == status
    assert answer.json()["remedy"]


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_what_a_token_may_not_see_is_in_no_form(client, form) -> None:
    """Finistère has 29.5 victims and 2 visits: for Gironde neither its code nor a row of it, on any page."""
    token = bearer("departement-FR-33")
    path = f"/api/values?kpi=victims,visits&limit=1&format={form}"
    places, pages = set(), 0
    while path:
        answer = client.get(path, headers=token)
        assert b"FR-29" not in answer.content
        match form:
            case "json":
                rows = answer.json()["values"]
            case "csv":
                rows = list(csv.DictReader(io.StringIO(answer.text)))
            case "parquet":
                rows = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
        places |= {row["territory_code"] for row in rows}
        pages += 1
        path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
    assert (places, pages) == ({"FR", "FR-33"}, 4)
    refused = client.get(f"/api/values?kpi=victims&territory=FR-29&format={form}", headers=token)
    assert refused.status_code == 403


def test_a_cursor_of_another_right_opens_nothing(client) -> None:
    cursor = client.get("/api/kpi/victims?limit=1", headers=bearer()).json()["next"]
    answer = client.get(f"/api/kpi/victims?cursor={cursor}", headers=bearer("departement-FR-33", "autre"))
    assert {row["territory_code"] for row in answer.json()["values"]} <= {"FR", "FR-33"}


def test_each_token_knows_what_it_may_still_ask(client, monkeypatch) -> None:
    monkeypatch.setattr("web.middleware.Limits.READINGS", 2)
    token, other = bearer(), bearer(name="autre")
    answers = [client.get("/api/kpi", headers=token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"2"}
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert client.get("/api/kpi", headers=other).headers["RateLimit-Remaining"] == "1"


@pytest.mark.long
def test_a_client_made_of_the_document_reads_the_figures(client, tmp_path: Path, monkeypatch) -> None:
    """openapi-python-client makes a typed client; it asks the application itself, without a socket."""
    document = tmp_path / "openapi.json"
    document.write_bytes(client.get("/api/openapi.json").content)
    made = tmp_path / "figures_client"
    arguments = ["--path", document, "--output-path", made, "--meta", "none", "--fail-on-warning"]
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    tool = Path(sys.executable).with_name("openapi-python-client")
    done = subprocess.run(
        [tool, "generate", *arguments, "--config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    token = bearer()["Authorization"].removeprefix("Bearer ")
    application = httpx.WSGITransport(app=get_wsgi_application())
    asking = import_module("figures_client").AuthenticatedClient(
        base_url="http://127.0.0.1", token=token, httpx_args={"transport": application}
    )
    operation = import_module("figures_client.api.default.web_api_values")
    answer = operation.sync(code="victims", client=asking, territory="FR", limit=1)
    assert [(row.value, row.period_start.isoformat()) for row in answer.values] == [(90, "2026-09-01")]
    following = operation.sync(code="victims", client=asking, territory="FR", limit=1, cursor=answer.next_)
    assert [row.value for row in following.values] == [100]
    refused = operation.sync(code="victims", client=asking, territory="FR-99")
    assert "accès au territoire" in refused.error
