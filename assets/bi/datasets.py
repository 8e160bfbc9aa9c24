"""What Superset offers for charts of one's own: certified datasets, their metrics, and who reads them."""

from typing import Any

from supersync.bundle import MAIN, Asset, Bundle
from supersync.policies import Policies

EVERYBODY = "tous les rôles"
NO_METRIC = "Aucune mesure : cette table se montre ligne à ligne, en type « Tableau », mode « Registres bruts »."


def metrics(bundle: Bundle, policies: Policies) -> list[dict[str, Any]]:
    """Return a row for each dataset and metric, and one for a dataset without a metric."""
    return [
        {
            "dataset": dataset.config["table_name"],
            "dataset_title": dataset.title,
            "row_meaning": dataset.description,
            "since": None,  # known once the copy is made
            "refreshed": "chaque jour" if _is_daily(dataset) else "toutes les quelques minutes",
            "readers": readers(dataset, policies),
            "metric": metric.get("metric_name"),
            "metric_title": metric.get("verbose_name"),
            "metric_meaning": metric.get("description", NO_METRIC),
        }
        for dataset in bundle.datasets
        for metric in dataset.config["metrics"] or [{}]
    ]


def times(bundle: Bundle) -> dict[str, tuple[str, str]]:
    """Return table and time column of the datasets that are a table of the daily copy, by their name in Superset."""
    return {
        dataset.config["table_name"]: (dataset.declared["model"], dataset.config["main_dttm_col"])
        for dataset in bundle.datasets
        if _is_daily(dataset) and "model" in dataset.declared and dataset.config["main_dttm_col"]
    }


def readers(dataset: Asset, policies: Policies) -> str:
    """Return the titles of the roles that read a dataset; a territory's role reads what the nation's does."""
    roles = [reader for reader in policies.readers.roles.values() if not reader.level]
    reading = [role.title for role in roles if dataset.slug in role.datasets]
    return EVERYBODY if len(reading) == len(roles) else ", ".join(sorted(reading))


def _is_daily(dataset: Asset) -> bool:
    return dataset.declared.get("database", MAIN) == MAIN
