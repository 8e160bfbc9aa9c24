"""An asset that has no news: nothing is recorded of it, and what reads it runs."""

from collections.abc import Iterator

import dagster as dg

from assets.dbt.builds import UNRECORDED


@dg.multi_asset(specs=[dg.AssetSpec(name, skippable=True) for name in ("kept", "built", "skipped")], can_subset=True)
def models(context: dg.AssetExecutionContext) -> Iterator:
    name = context.assets_def.get_output_name_for_asset_key(dg.AssetKey("kept"))
    yield dg.Output(None, output_name=name, metadata={UNRECORDED: True})
    yield dg.MaterializeResult(asset_key="built")


@dg.asset(deps=["kept", "built"])
def copy() -> None:
    """Reads what was kept and what was built."""


@dg.asset(deps=["skipped"])
def other() -> None:
    """Reads what the step has said nothing of."""


def test_an_output_without_news_records_nothing_and_skips_nothing() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([models, copy, other], instance=instance).success
        recorded = {key.path[0] for key in instance.all_asset_keys() if instance.get_latest_materialization_event(key)}
    assert recorded == {"built", "copy"}
