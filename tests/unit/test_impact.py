"""The effect of actions: figures computed by hand, refusals in French, and the verb that tells them."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from analytics.impact import Action, Certainty, Effect, Panel, Series, certainties, examine, measure
from analytics.impact.counterfactual import expectation
from analytics.impact.dispersion import Dispersion
from analytics.impact.sequential import boundary
from ingestion.errors import ExpectedFailure
from ingestion.settings import Home
from orchestration.impact import report
from tests.unit.handmade import write_copy
from tests.unit.simulated_actions import trial

MONDAY = date(2025, 1, 6)
WEEK = timedelta(weeks=1)
TODAY = date(2027, 1, 4)


def test_without_an_action_a_territory_follows_the_donors_on_its_own_level() -> None:
    """Donors double together, so a territory at 10 is expected at 20; a donor is foretold by the other one alone."""
    counts = np.array([[10, 10, 35], [100, 100, 200], [50, 50, 100]], dtype=float)
    panel = Panel(["A", "B", "C"], [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK], counts, np.ones_like(counts))
    expected = expectation(panel, np.array([False, True, True]), past=2)
    assert expected[:, 2] == pytest.approx([20, 200, 100])


def test_a_share_is_expected_of_what_it_is_counted_among_and_an_unknown_period_of_nothing() -> None:
    """Donors stay at one half; 8 of 40 is one fifth, hence 12 of 60, and none where nothing is known."""
    counts = np.array([[8, 5, 0], [50, 50, 50], [10, 10, 10]], dtype=float)
    exposure = np.array([[40, 60, 0], [100, 100, 100], [20, 20, 20]], dtype=float)
    panel = Panel(["A", "B", "C"], [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK], counts, exposure)
    assert expectation(panel, np.array([False, True, True]), past=1)[0] == pytest.approx([8, 12, 0])


def test_a_surprise_and_the_count_that_makes_it_are_inverse() -> None:
    law = Dispersion(noise=1.7, drift=0.12)
    assert law.counts(40.0, law.surprise(52.0, 40.0)) == pytest.approx(52.0)
    assert law.expectations(52.0, law.surprise(52.0, 40.0)) == pytest.approx(40.0)
    assert law.variance(40.0) == pytest.approx(1.7 * 40 + 4.8**2)
    assert law.surprise(52.0, 40.0) == pytest.approx(12 / np.sqrt(law.variance(46.0)), rel=0.02)


def test_the_sequential_boundary_is_that_of_robbins() -> None:
    """V = r gives sqrt(2 log(2 / a²)) standard deviations; r is V over the tuning, so that V is set to it."""
    tuning = -2 * np.log(0.1) + np.log(-2 * np.log(0.1) + 1)
    assert boundary(np.array([[tuning]])).at(np.array([[1.0]]))[0, 0] == pytest.approx(np.sqrt(2 * np.log(200)))


def test_a_strong_effect_is_probable_found_early_and_none_is_not_concluded() -> None:
    strong, none = (
        measure(one.panel, one.donors, one.first, one.last)
        for one in (trial(5, 0.3, level=80.0), trial(6, 1.0, level=80.0))
    )
    assert certainties([strong, none]) == [Certainty.probable, Certainty.none]
    assert strong.ratio_interval.low < 0.3 < strong.ratio_interval.high
    assert strong.concluded_after in {1, 2}
    assert strong.least_decrease > 0.3
    assert none.concluded_after is None


def effect_of(p_value: float, low: float, false_alarms: float = 0.0) -> Effect:
    one = trial(5, 0.3, level=80.0)
    measured = measure(one.panel, one.donors, one.first, one.last)
    return replace(
        measured,
        p_value=p_value,
        ratio_interval=measured.ratio_interval._replace(low=low, high=2.0),
        false_alarms_in_time=false_alarms,
    )


def test_the_words_follow_the_declared_rule() -> None:
    """0.04 alone is below 5 %; among four, Benjamini and Hochberg ask for 0.0125 of the least one."""
    alone, unsteady, inside = effect_of(0.04, 1.1), effect_of(0.001, 1.1, 0.5), effect_of(0.04, 0.9)
    assert certainties([alone]) == [Certainty.probable]
    assert certainties([alone, inside, effect_of(0.5, 0.9), effect_of(0.9, 0.9)])[0] is Certainty.possible
    assert certainties([unsteady]) == [Certainty.possible]
    assert certainties([inside]) == [Certainty.none]


def series(**changed: object) -> Series:
    one = trial(7, level=50.0)
    ends = [start + timedelta(days=6) for start in one.panel.starts]
    return replace(Series("k", one.panel, ends, 4, ends[-1]), **changed)  # ty: ignore


def action(**changed: object) -> Action:
    started = series().panel.starts[100] + timedelta(days=2)
    return replace(Action("A1", started, started, ("T0",), False, frozenset({"k"})), **changed)  # ty: ignore


def silenced(rows: slice, columns: slice) -> Panel:
    panel = series().panel
    counts = panel.counts.copy()
    counts[rows, columns] = 0
    return replace(panel, counts=counts)


def test_an_action_that_can_be_measured_is() -> None:
    finding = examine(action(), series(), [action()], TODAY)
    assert finding.refusal is None
    assert finding.effect is not None
    assert (len(finding.starts), finding.effect.donors, finding.window_is_over) == (4, 89, True)


RIVALS = [action(action_id=f"B{row}", territories=(f"T{row}",)) for row in range(1, 75)]


@pytest.mark.parametrize(
    ("asked", "followed", "others", "sentence"),
    [
        (action(started_on=None), series(), [], "pas de date de début"),
        (action(territories=("ZZ",)), series(), [], "pas de territoire connu"),
        (action(started_on=date(2027, 2, 1)), series(), [], "dans l'avenir"),
        (action(), series(known_until=date(2026, 11, 1)), [], "Aucune période complète"),
        (action(territories=(), is_nationwide=True), series(), [], "couvre tout le pays"),
        (action(started_on=date(2025, 2, 5)), series(), [], "L'historique est trop court : 5 période"),
        (action(), series(), [action(action_id="B1")], r"même moment \(B1\)"),
        (action(), series(panel=silenced(slice(None), slice(101, 103))), [], "une panne ressemblerait"),
        (action(territories=("FR-99",)), series(), [], "pas publié pour ce territoire"),
        (action(), series(suppressed=frozenset({"T0"})), [], "Trop peu de victimes"),
        (action(), series(panel=silenced(slice(0, 1), slice(None))), [], "que des zéros"),
        (action(), series(), RIVALS, "Trop peu de territoires comparables .* : 15, il en faut au moins 19"),
    ],
)
def test_what_cannot_be_measured_has_a_sentence_and_no_figure(
    asked: Action, followed: Series, others: list[Action], sentence: str
) -> None:
    finding = examine(asked, followed, others, TODAY)
    assert finding.effect is None
    assert re.search(sentence, finding.refusal or "")


def test_the_nation_without_control_is_only_told_before_and_during() -> None:
    followed = series()
    finding = examine(action(territories=(), is_nationwide=True), followed, [], TODAY)
    totals = followed.panel.counts.sum(axis=0)
    assert finding.nation == (totals[96:100].sum(), totals[100:104].sum())


def test_other_kpis_other_places_and_other_times_do_not_overlap() -> None:
    apart = [
        action(action_id="B1", targets=frozenset({"other"})),
        action(action_id="B2", territories=("T1",)),
        action(action_id="B3", started_on=MONDAY, ended_on=MONDAY),
    ]
    effect = examine(action(), series(), apart, TODAY).effect
    assert effect is not None
    assert effect.donors == 88  # T1 is no donor


COPY = """
create schema actors; create schema kpi; create schema audit; create schema reference;
create table audit.publication as select date '2026-03-01' as data_as_of;
create table audit.freshness as select 'pre_plainte' as platform, date '2026-03-01' as data_as_of;
create table reference.dim_period as
    select 'week' as period_type, date '2025-01-06' + 7 * i::int as period_start,
    date '2025-01-12' + 7 * i::int as last_day from range(60) r(i);
create table kpi.kpi_catalogue as
    select 'pre_complaints' as kpi_code, 'Pré-plaintes' as label, 'nombre' as unit, 'day, week, month' as period_types;
create table kpi.kpi_value as
    select 'pre_complaints' as kpi_code, 'week' as period_type, date '2025-01-06' + 7 * w::int as period_start,
    'departement' as territory_level, 'T' || t as territory_code, 'total' as breakdown_dimension,
    20 + t + (w * 7 + t * 13) % 9 + (case when t = 0 and w >= 50 and w < 54 then 60 else 0 end) as numerator,
    null::bigint as denominator, false as is_suppressed
    from range(60) a(w), range(30) b(t);
create table actors.fct_prevention_action as select * from (values
    ('<b>A1</b>', date '2025-12-22', date '2025-12-22', 'T0', false, 'Stand <script>', 'Cambriolages', null),
    ('A2', date '2025-12-22', date '2025-12-22', 'T1', false, 'Stand', 'Sécurité routière', null),
    ('A3', date '2025-12-22', date '2025-12-22', 'T2', false, 'Stand', 'Cambriolages', 'unheard_of')
) as rows(action_id, started_on, ended_on, territory_code, is_nationwide, action_type, theme, targeted_kpi_codes);
"""


def test_the_report_tells_the_effect_and_who_chose_the_kpi(home: Home) -> None:
    write_copy(home, COPY)
    told = report(home, "<b>A1</b>")
    text = told.as_text()
    assert "proposés d'après son thème" in text
    assert "Effet probable : hausse." in text
    assert "du 22/12/2025 au 18/01/2026" in text
    (kpi,) = json.loads(json.dumps(told.as_json()))["kpis"]
    assert (kpi["certainty"], kpi["effect"]["donors"], kpi["measured"]) == ("probable", 29, 1)
    assert kpi["effect"]["counted"] - kpi["effect"]["expected"] == pytest.approx(240, abs=15)


def test_the_page_stands_alone_and_runs_nothing_that_a_platform_wrote(home: Home) -> None:
    write_copy(home, COPY)
    page = report(home, "<b>A1</b>").as_html()
    assert "<svg" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<b>" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("action_id", "sentence"),
    [("A2", "aucun indicateur par département"), ("A3", "Cet indicateur n'est pas publié")],
)
def test_a_report_without_an_effect_says_why(home: Home, action_id: str, sentence: str) -> None:
    write_copy(home, COPY)
    text = report(home, action_id).as_text()
    assert "On ne peut pas conclure" in text
    assert sentence in text


def test_an_unknown_action_is_met_with_some_that_exist(home: Home) -> None:
    write_copy(home, COPY)
    with pytest.raises(ExpectedFailure, match="A2, A3"):
        report(home, "nope")
