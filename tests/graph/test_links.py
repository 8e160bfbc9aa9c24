"""Links from assets to their code and to the dashboards that show them."""

import dagster as dg
import pytest

from assets import graph

CODE = "dagster/code_references"
KPI, RAW = dg.AssetKey(["kpi", "perception", "kpi_answer_rate"]), dg.AssetKey(["raw", "jdma", "services"])


def specs(given: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {
        spec.key: spec
        for asset in given.assets or ()
        for spec in (asset.specs if isinstance(asset, dg.AssetsDefinition) else [asset])
    }


def references(spec: dg.AssetSpec) -> list:
    return spec.metadata[CODE].code_references


@pytest.mark.usefixtures("definitions")
def test_an_asset_names_its_code_and_a_kpi_its_dashboards() -> None:
    found = specs(graph.graph())
    assert any(link.file_path.endswith("kpi/perception/kpi_answer_rate.sql") for link in references(found[KPI]))
    assert any(link.file_path.endswith("connectors/jdma/contract.py") for link in references(found[RAW]))
    assert found[KPI].metadata["dashboard Perception"].url.endswith("/superset/dashboard/perception/")
    columns = {column.name: column for column in found[RAW].metadata["dagster/column_schema"].columns}
    assert not columns["service_form_id"].constraints.nullable
    assert not any(name.startswith("dashboard") for name in found[RAW].metadata)


@pytest.mark.usefixtures("definitions")
def test_a_repository_of_the_setting_is_linked_at_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_REPOSITORY_URL", "https://forge.example/unit/cyberimpact/")
    monkeypatch.setattr(graph, "code_version", lambda: "0123456789ab-dirty")
    [linked] = graph.with_code([asset for asset in graph.graph().assets or () if KPI in getattr(asset, "keys", ())])
    at = "https://forge.example/unit/cyberimpact/-/tree/0123456789ab/"
    assert f"{at}dbt_project/models/kpi/perception/kpi_answer_rate.sql" in [
        link.url for link in references(linked.specs_by_key[KPI])
    ]
