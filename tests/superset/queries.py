"""Runs a chart of the bundle as a dashboard does: its own query under the dashboard's default filters."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from supersync.bundle import Asset, Bundle, is_excluded
from supersync.client import Client

Filter = Mapping[str, Any]


#: What a reader chooses where the dashboard takes the first: the place that every KPI knows, the action with an effect.
CHOSEN = {"territory_name": "Gironde", "action_id": "A1"}


def default_filters(bundle: Bundle, dashboard: Asset, chart: str) -> list[Filter]:
    charts = {chart.slug: chart for chart in bundle.charts}
    return [
        {
            "col": declared["column"],
            "op": "IN",
            "val": [declared["default"] if "default" in declared else CHOSEN[declared["column"]]],
        }
        for declared in dashboard.declared["filters"].values()
        if ("default" in declared or "first" in declared) and not is_excluded(declared, chart, charts)
    ]


def run(client: Client, chart: Asset, filters: Iterable[Filter]) -> dict[str, Any]:
    """Return Superset's answer to the query of a chart: `data`, `is_cached`, `error`, `rowcount`, …"""
    context = json.loads(chart.config["query_context"])
    number = client.ids("dataset")[UUID(chart.config["dataset_uuid"])]
    context["datasource"] = {"id": number, "type": "table"}
    context["queries"][0]["filters"].extend(filters)
    return client.post("/api/v1/chart/data", json=context)["result"][0]
