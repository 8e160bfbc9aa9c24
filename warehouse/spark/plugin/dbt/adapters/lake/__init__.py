"""Where dbt looks for the adapter of `type: lake`."""

from pathlib import Path

from dbt.adapters.base import AdapterPlugin

from warehouse.spark.adapter import LakeAdapter, LakeCredentials

Plugin = AdapterPlugin(
    adapter=LakeAdapter,
    credentials=LakeCredentials,
    include_path=str(Path(__file__).parent),
    dependencies=["spark"],
)
