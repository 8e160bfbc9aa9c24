"""What the page « Construire » says of the certified datasets: their metrics, and who reads them."""

import pytest
from supersync import bundle as bundles

from assets.bi import datasets, server
from tests.superset import small_manifest
from tests.superset.conftest import BUNDLE


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundles.load(BUNDLE, small_manifest.write(tmp_path_factory.mktemp("manifest")))


@pytest.fixture(scope="module")
def rows(bundle):
    return datasets.metrics(bundle, server.policies(bundle))


def test_each_metric_of_each_dataset_has_its_row(bundle, rows):
    expected = [
        (dataset.title, metric["metric_name"]) for dataset in bundle.datasets for metric in dataset.config["metrics"]
    ]
    assert [(row["dataset_title"], row["metric"]) for row in rows if row["metric"]] == expected
    without = {dataset.title for dataset in bundle.datasets if not dataset.config["metrics"]}
    assert {row["dataset_title"] for row in rows if not row["metric"]} == without


@pytest.mark.parametrize(
    ("dataset", "readers", "refreshed"),
    [
        ("rpt_kpi", "tous les rôles", "chaque jour"),
        ("fct_experience", "Administrateur, Analyste, Auditeur", "chaque jour"),
        ("access_day", "Administrateur, Auditeur", "chaque jour"),
        ("live_now", "tous les rôles", "toutes les quelques minutes"),
    ],
)
def test_a_reader_knows_for_whom_and_how_fresh_a_dataset_is(rows, dataset, readers, refreshed):
    assert {(row["readers"], row["refreshed"]) for row in rows if row["dataset"] == dataset} == {(readers, refreshed)}


def test_the_day_since_which_there_is_data_is_that_of_the_time_column(bundle):
    times = datasets.times(bundle)
    assert times["rpt_kpi"] == ("kpi.rpt_kpi", "period_start")
    assert "verbatims" not in times  # a query, which is no table of the copy
    assert "live_signal" not in times
