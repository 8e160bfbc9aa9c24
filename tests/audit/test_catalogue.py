"""KPIs and contracts as catalogues ingest them: valid by the standard, and whole."""

import json
from importlib import resources

import yaml
from jsonschema import Draft201909Validator
from typer.testing import CliRunner

from audit import catalogue
from cli.main import app
from ingestion import contracts
from tests.handmade import write_copy

STANDARD = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8"))
COPY = """
    create schema kpi;
    create table kpi.kpi_catalogue as select 'visits' as kpi_code, 'Visites' as label, 'visibility' as pillar,
        'Nombre de visites.' as definition, 'Somme.' as formula, 'nombre' as unit, 'up' as direction,
        'team:communication' as owner, 'internal' as sensitivity, 'quotidienne' as refresh,
        'day, month' as period_types, 'nation' as territory_levels, '' as breakdown_dimensions;
    create table kpi.kpi_value (
        kpi_code varchar not null, period_start date, value decimal(18, 6), is_suppressed boolean
    );
    comment on column kpi.kpi_value.value is 'Valeur.';
"""


def test_every_kpi_and_table_is_in_both_forms(home, tmp_path) -> None:
    write_copy(home, COPY)
    said = CliRunner().invoke(app, ["audit", "catalogue", str(tmp_path / "out")])
    tables = [found.name for found in contracts.contracts()]
    assert said.stdout == f"{len(tables) + 1} documents dans {tmp_path / 'out'}.\n"
    documents = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in (tmp_path / "out" / "odcs").iterdir()}
    assert documents.keys() == {f"{name}.odcs.yaml" for name in (*tables, "kpi.visits")}
    for document in documents.values():
        assert [error.message for error in Draft201909Validator(STANDARD).iter_errors(document)] == []
    kpi = documents["kpi.visits.odcs.yaml"]
    assert (kpi["name"], kpi["team"], kpi["tags"]) == (
        "Visites", {"name": "team:communication"}, ["visibility", "internal"]
    )  # fmt: skip
    (schema,) = kpi["schema"]
    assert schema["dataGranularityDescription"] == "day, month ; nation ; total"
    assert [(column["name"], column["logicalType"], column["required"]) for column in schema["properties"]] == [
        ("kpi_code", "string", True), ("period_start", "date", False), ("value", "number", False),
        ("is_suppressed", "boolean", False),
    ]  # fmt: skip
    proposals = json.loads((tmp_path / "out" / "datahub.json").read_text("utf-8"))
    assert (
        len({(one["entityUrn"], one["aspectName"]) for one in proposals}) == len(proposals) == 2 * (len(tables) + 1) + 1
    )
    (term,) = (one for one in proposals if one["entityType"] == "glossaryTerm")
    assert term["entityUrn"] == "urn:li:glossaryTerm:cyberimpact.visits"
    assert term["aspect"]["json"]["definition"] == "Nombre de visites.\n\nCalcul : Somme."


def test_a_version_is_that_of_the_meaning() -> None:
    kpi = dict.fromkeys(
        (*catalogue._MEANING, "kpi_code", "label", "pillar", "owner", "sensitivity", "refresh"), "texte"
    )  # fmt: skip
    version = catalogue.kpi_contract(kpi, [])["version"]
    assert catalogue.kpi_contract(kpi | {"label": "Autre"}, [])["version"] == version
    assert catalogue.kpi_contract(kpi | {"formula": "Autre."}, [])["version"] != version
