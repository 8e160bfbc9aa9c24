"""Contracts with senders: valid by their standards, and true to what the load reads."""

import csv
import io
import json
from datetime import date
from importlib import resources
from itertools import islice

import pytest
from jsonschema import Draft201909Validator, Draft202012Validator

from ingestion import contracts
from ingestion.connectors.cybermalveillance.contract import CASES
from ingestion.contracts import Contract, contract, json_schema, odcs
from ingestion.engine.contract import Dropped, Field, Table
from ingestion.engine.parsers import choice, count
from ingestion.platforms import PLATFORMS, platform
from sandbox import cybermalveillance, pre_plainte

STANDARD = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8"))
ALL = list(contracts.contracts())

SHOPS = Table(
    name="shops",
    key="shop_id",
    description="A shop.",
    fields=(
        Field("shop_id", "Its number.", ("id",), required=True, nullable=False),
        Field("kind", "What it sells.", (), choice({"books": ("livres",), "bread": ()}), nullable=False),
        Field("staff", "People.", ("employees",), count, "bigint"),
        Field("generation", "Filled.", filled_by_load=True),
    ),
    any_of=(("kind", "staff"),),
    dropped=(Dropped(("owner",), "a person"),),
)


def of(table: Table) -> Contract:
    return Contract(platform("perceval"), table)


def test_a_contract_as_json_schema() -> None:
    assert json_schema(of(SHOPS)) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cyberimpact:contract:perceval.shops:1.0.0",
        "title": "perceval.shops",
        "description": "A shop.",
        "version": "1.0.0",
        "type": "object",
        "properties": {
            "shop_id": {"description": "Its number.", "type": ["string"], "x-labels": ["id"]},
            "kind": {"description": "What it sells.", "type": ["string"], "enum": ["books", "livres", "bread"]},
            "staff": {"description": "People.", "type": ["integer", "string", "null"], "x-labels": ["employees"]},
        },
        "required": ["shop_id"],
        "x-key": ["shop_id"],
        "x-never-kept": [{"labels": ["owner"], "reason": "a person"}],
        "allOf": [{"anyOf": [{"required": ["kind"]}, {"required": ["staff"]}]}],
    }


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.name)
def test_every_contract_is_valid_by_its_standards(found: Contract) -> None:
    Draft202012Validator.check_schema(json_schema(found))
    assert [error.message for error in Draft201909Validator(STANDARD).iter_errors(odcs(found))] == []


def test_every_table_of_every_platform_has_one_but_our_own() -> None:
    named = {f"{p.name}.{table.name}" for p in PLATFORMS if p.name != "operations" for table in p.connector.CONTRACT}
    assert {found.name for found in ALL} == named


@pytest.mark.parametrize(
    ("sandbox", "name", "delimiter"),
    [(cybermalveillance, "cybermalveillance.cases", ";"), (pre_plainte, "pre_plainte.declarations", ",")],
)
def test_what_a_platform_delivers_keeps_its_contract(sandbox, name: str, delimiter: str) -> None:
    """Records of a file of the sandbox, under the names of the contract."""
    table = contract(name).table
    validator = Draft202012Validator(json_schema(contract(name)))
    content = next(iter(sandbox.drops(17, date(2025, 3, 31))))[1].decode("utf-8-sig")
    records = list(islice(csv.DictReader(io.StringIO(content), delimiter=delimiter), 100))
    assert len(records) == 100
    for record in records:
        named = {found.name: value or None for label, value in record.items() if (found := table.field_of(label))}
        assert [error.message for error in validator.iter_errors(named)] == [], named


def test_the_lists_of_the_register_are_promised_too() -> None:
    themes = json_schema(contract("prevention_actions.actions"))["properties"]
    assert [name for name, described in themes.items() if "enum" in described]


def test_a_record_of_the_contract_is_read() -> None:
    """What the schema calls valid, the load takes: a whole record, by the names of the contract, numbers as numbers."""
    record = {"date": "2026-03-01", "public": "particulier", "categorie_menace": "virus", "nb_parcours": 3}
    assert Draft202012Validator(json_schema(contract("cybermalveillance.cases"))).is_valid(record)
    header = CASES.understand(tuple(record), "here")
    reading = CASES.read({name: [value] for name, value in record.items()}, header, lambda _: "here")
    assert reading.rejections == {}
    assert reading.columns["nb_parcours"] == [3]
