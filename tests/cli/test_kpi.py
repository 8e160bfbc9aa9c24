"""`cyberimpact kpi`: the definitions of the project with the latest published values."""

import json
import re
from collections.abc import Callable

import pytest

from core.settings import Home
from tests.cli.verbs import Run
from tests.handmade import write_copy

KPI_VALUES = """
create schema audit;
create table audit.publication as select date '2024-12-31' as data_as_of;
create schema kpi;
create table kpi.kpi_value as select * from (values
    ('experiences', 'month', date '2023-01-01', 'nation', 'FR', 'total', 'total', 10::decimal(18, 6)),
    ('experiences', 'month', date '2023-02-01', 'nation', 'FR', 'total', 'total', 1234567::decimal(18, 6)),
    ('experiences', 'month', date '2023-03-01', 'nation', 'FR', 'scope', 'gendarmerie', 5::decimal(18, 6)),
    ('experiences', 'month', date '2023-04-01', 'departement', 'FR-33', 'total', 'total', 6::decimal(18, 6)),
    ('experiences', 'year', date '2024-01-01', 'nation', 'FR', 'total', 'total', 7::decimal(18, 6)),
    ('positive_share', 'month', date '2023-02-01', 'nation', 'FR', 'total', 'total', 0.25::decimal(18, 6)),
    ('positive_share', 'month', date '2023-03-01', 'nation', 'FR', 'total', 'total', null),
    ('iggn_complaints', 'year', date '2022-01-01', 'nation', 'FR', 'total', 'total', 11::decimal(18, 6)),
    ('iggn_complaints', 'year', date '2023-01-01', 'nation', 'FR', 'total', 'total', 12::decimal(18, 6)),
    ('victims_assisted', 'month', date '2023-02-01', 'nation', 'FR', 'total', 'total', 40::decimal(18, 6)),
    ('victims_assisted', 'month', date '2023-03-01', 'nation', 'FR', 'total', 'total', null)
) as rows(
    kpi_code, period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value, value
);
alter table kpi.kpi_value add column is_suppressed boolean;
update kpi.kpi_value set is_suppressed = value is null and kpi_code = 'victims_assisted';
"""

CODES = {f"response_time_{rank}" for rank in ("median", "p75", "p90")} | {
    "experiences",
    "positive_share",
    "answer_rate",
}
GOVERNED = {"label", "pillar", "definition", "formula", "unit", "direction", "owner", "refresh", "sensitivity"}


class TestKpi:
    @pytest.fixture
    def home(self, home: Home, copy_manifests: Callable[[Home], None]) -> Home:
        copy_manifests(home)
        return home

    def test_before_anything_is_published_the_list_is_one_array_of_every_kpi(self, run: Run) -> None:
        done = run("kpi", "list", "--json")
        assert (done.code, done.err) == (0, "")
        kpis = json.loads(done.out)
        codes = [kpi["code"] for kpi in kpis]
        assert codes == sorted(set(codes))
        assert set(codes) > CODES
        for kpi in kpis:
            assert not [field for field in GOVERNED if not kpi[field]], kpi["code"]
            assert kpi["latest_value"] is None

    def test_the_latest_period_of_the_nation_is_shown_once_published(self, run: Run, home: Home) -> None:
        write_copy(home, KPI_VALUES)
        kpis = {kpi["code"]: kpi for kpi in json.loads(run("kpi", "list", "--json").out)}
        assert (kpis["experiences"]["latest_period"], kpis["experiences"]["latest_value"]) == ("2023-02", 1234567)
        assert (kpis["positive_share"]["latest_period"], kpis["positive_share"]["latest_value"]) == ("2023-02", 0.25)
        assert (kpis["iggn_complaints"]["latest_period"], kpis["iggn_complaints"]["latest_value"]) == ("2023", 12)
        assert kpis["answer_rate"]["latest_value"] is None
        victims = kpis["victims_assisted"]
        assert (victims["latest_period"], victims["latest_value"], victims["is_suppressed"]) == ("2023-03", None, True)
        assert "non diffusée" in run("kpi", "show", "victims_assisted").out
        assert "1234567" in re.sub(r"[\s\u00a0\u202f]", "", run("kpi", "list").out), "to the last digit"
        shown = json.loads(run("kpi", "show", "experiences", "--json").out)
        assert shown == kpis["experiences"]

    def test_a_kpi_is_shown_in_french(self, run: Run) -> None:
        done = run("kpi", "show", "answer_rate")
        assert done.code == 0
        for word in ("Définition", "Formule", "Responsable"):
            assert word in done.out

    def test_an_unknown_code_lists_the_known_ones(self, run: Run) -> None:
        sentence = run("kpi", "show", "taux").refused()
        assert all(code in sentence for code in CODES)
