"""The contracts over HTTP: an index that leads to each document, for senders without a token."""

import pytest
import yaml
from django.test import Client

from ingestion import contracts

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def client() -> Client:
    return Client(headers={"Host": "127.0.0.1"})


def test_the_index_leads_to_each_contract(client: Client) -> None:
    listed = client.get("/api/contracts").json()["contracts"]
    assert [entry["name"] for entry in listed] == [found.name for found in contracts.contracts()]
    (entry,) = (entry for entry in listed if entry["name"] == "cybermalveillance.cases")
    assert entry["key"] == ["date", "public", "categorie_menace", "code_departement", "orientation"]
    schema = client.get(entry["json_schema_url"])
    assert schema.headers["Content-Type"] == "application/schema+json"
    assert schema.json() == contracts.json_schema(contracts.contract("cybermalveillance.cases"))
    standard = client.get(entry["odcs_url"])
    assert standard.headers["Content-Type"].startswith("application/yaml")
    assert yaml.safe_load(standard.text) == contracts.odcs(contracts.contract("cybermalveillance.cases"))
    assert client.head(entry["odcs_url"]).status_code == 200


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nothing/1.0.0/odcs", "n'existe pas"),
        ("operations.verdicts/1.0.0/odcs", "n'existe pas"),
        ("cybermalveillance.cases/0.9.0/json-schema", "n'est pas en vigueur"),
    ],
)
def test_what_is_not_in_force_is_not_found(client: Client, path: str, said: str) -> None:
    answer = client.get(f"/api/contracts/{path}")
    assert answer.status_code == 404
    assert said in answer.json()["error"]
    assert answer.json()["remedy"]
