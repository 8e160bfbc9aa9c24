"""The effect of actions: figures computed by hand, refusals in French, and their wording."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from analytics.impact import (
    Action,
    Certainty,
    Effect,
    Entry,
    Interval,
    Kpi,
    Panel,
    Series,
    certainties,
    examine,
    measure,
    read,
    series_of,
)
from analytics.impact.counterfactual import expectation
from analytics.impact.dispersion import Dispersion
from analytics.impact.reallocation import MeasuredEffect, per_hour, reallocate
from analytics.impact.sequential import boundary
from analytics.impact.table import COLUMNS, evaluate, read_register, to_table
from analytics.impact.targets import targets
from analytics.impact.wording import percent, sentence, sentence_so_far
from cli.impact_page import page
from cli.main import app
from core.errors import ExpectedFailure
from core.settings import Home
from tests.analytics.simulated_actions import trial
from tests.handmade import write_copy
from warehouse import published
from web.effects import Report
from web.effects import report as report_from
from web.reallocation import simulate as simulate_from

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


def test_a_residual_and_the_count_that_makes_it_are_inverse() -> None:
    law = Dispersion(noise=1.7, drift=0.12)
    assert law.counts(40.0, law.residual(52.0, 40.0)) == pytest.approx(52.0)
    assert law.expectations(52.0, law.residual(52.0, 40.0)) == pytest.approx(40.0)
    assert law.variance(40.0) == pytest.approx(1.7 * 40 + 4.8**2)
    assert law.residual(52.0, 40.0) == pytest.approx(12 / np.sqrt(law.variance(46.0)), rel=0.02)


def test_the_sequential_boundary_is_that_of_robbins() -> None:
    """V = r gives sqrt(2 log(2 / a²)) standard deviations; r is V over the tuning, so that V is set to it."""
    tuning = -2 * np.log(0.1) + np.log(-2 * np.log(0.1) + 1)
    assert boundary(np.array([[tuning]])).at(np.array([[1.0]]))[0, 0] == pytest.approx(np.sqrt(2 * np.log(200)))


def test_a_strong_effect_is_probable_found_early_and_none_is_not_concluded() -> None:
    strong, none = (
        measure(trial_.panel, trial_.donors, trial_.first, trial_.last)
        for trial_ in (trial(5, 0.3, level=80.0), trial(6, 1.0, level=80.0))
    )
    assert certainties([strong, none]) == [Certainty.probable, Certainty.none]
    assert strong.ratio_interval.low < 0.3 < strong.ratio_interval.high
    assert strong.concluded_after in {1, 2}
    assert strong.least_decrease > 0.3
    assert none.concluded_after is None


def effect_of(p_value: float, low: float, false_alarms: float = 0.0) -> Effect:
    trial_ = trial(5, 0.3, level=80.0)
    measured = measure(trial_.panel, trial_.donors, trial_.first, trial_.last)
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
    trial_ = trial(7, level=50.0)
    ends = [start + timedelta(days=6) for start in trial_.panel.starts]
    return replace(Series("k", trial_.panel, ends, 4, ends[-1]), **changed)  # ty: ignore


def action(**changed: object) -> Action:
    started = series().panel.starts[100] + timedelta(days=2)
    return replace(Action("A1", started, started, ("T0",), False, frozenset({"k"})), **changed)  # ty: ignore


def silenced(rows: slice, columns: slice) -> Panel:
    panel = series().panel
    counts = panel.counts.copy()
    counts[rows, columns] = 0
    return replace(panel, counts=counts)


def unknown(rows: slice, columns: slice) -> Panel:
    panel = silenced(rows, columns)
    exposure = panel.exposure.copy()
    exposure[rows, columns] = 0
    return replace(panel, exposure=exposure)


def rare() -> Panel:
    """Return a panel whose first territory has counted one case in two years."""
    panel = silenced(slice(0, 1), slice(None))
    panel.counts[0, 50] = 1
    return panel


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
        (action(), series(panel=unknown(slice(0, 1), slice(100, 104))), [], "pas de données pendant la période suivie"),
        (action(), series(panel=rare()), [], "moins d'un cas était attendu"),
        (action(), series(), RIVALS, "Trop peu de territoires comparables .* : 15, il en faut au moins 19"),
    ],
)
def test_what_cannot_be_measured_has_a_sentence_and_no_figure(
    asked: Action, followed: Series, others: list[Action], sentence: str
) -> None:
    """Neither in the finding nor in the row that readers see; only a nationwide action has the nation's totals."""
    finding = examine(asked, followed, others, TODAY)
    assert finding.effect is None
    assert re.search(sentence, finding.refusal or "")
    first, *_ = read(registered(asked, *others), {"k": Kpi("k", True, {"week": followed})}, TODAY)
    (row,) = to_table([first]).to_pylist()
    assert row["sentence"] == f"On ne peut pas conclure. {finding.refusal}"
    assert row["remedy"]
    figures = {name for name, value in row.items() if isinstance(value, Decimal | int) and not isinstance(value, bool)}
    assert figures == ({"national_before", "national_during"} if asked.is_nationwide else set())


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


def registered(*actions: Action, proposed: bool = False) -> list[Entry]:
    return [Entry(action_, proposed) for action_ in actions]


def followed(**series: Series) -> dict[str, Kpi]:
    return {"k": Kpi("k", True, series)}


def test_an_action_that_names_no_kpi_is_given_those_of_its_theme_and_kind() -> None:
    assert targets("pre_complaints; mentions", "Rançongiciel", None) == ({"pre_complaints", "mentions"}, False)
    assert targets(None, "Rançongiciel", "Campagne en ligne") == ({"victims_assisted", "engagement_rate"}, True)
    assert targets(" ", "Sécurité routière", None) == (frozenset(), True)
    assert targets(None, "Perceval", "Évolution de service en ligne") == ({"perceval_reports"}, True)
    assert targets(None, None, "Publications exceptionnelles", None) == ({"engagement_rate", "mentions"}, True)


def test_what_answers_to_events_is_possible_at_most_and_takes_nothing_from_the_others() -> None:
    """Eleven strong effects beside one: read with it, they would multiply its p-value by twelve."""
    weekly = strong_series()
    waves = [
        Entry(action(action_id=f"B{row}", territories=(f"T{row}",)), True, is_reactive=True) for row in range(1, 12)
    ]
    first, *others = read([*registered(action()), *waves], followed(week=weekly), TODAY)
    assert first.certainty is Certainty.probable
    assert first.finding.effect
    assert first.adjusted_p == pytest.approx(first.finding.effect.p_value)
    assert {reading.adjusted_p for reading in others} == {None}
    alone = read([Entry(action(), True, is_reactive=True)], followed(week=weekly), TODAY)[0]
    assert alone.certainty is Certainty.possible
    nothing = read([Entry(action(), True, is_reactive=True)], followed(week=series()), TODAY)[0]
    assert nothing.certainty is Certainty.none


def test_nationwide_actions_that_meet_are_named_and_mix_with_no_local_one() -> None:
    everywhere = [action(action_id=name, territories=(), is_nationwide=True) for name in ("N1", "N2")]
    later = action(action_id="N3", territories=(), is_nationwide=True, started_on=MONDAY, ended_on=MONDAY)
    local, first, second, _ = read(registered(action(), *everywhere, later), followed(week=series()), TODAY)
    assert (local.overlaps, first.overlaps, second.overlaps) == ((), ("N2",), ("N1",))
    assert local.finding.effect
    assert (first.finding.refusal or "").endswith("D'autres actions nationales s'y mêlent : N2.")


@pytest.mark.parametrize(
    ("asked", "kpis", "sentence"),
    [
        (action(targets=frozenset()), {}, "ne nomme aucun indicateur"),
        (action(), {}, "n'est pas publié"),
        (action(), {"k": Kpi("k", False, {})}, "la méthode ne s'y prête pas"),
        (action(), {"k": Kpi("k", True, {})}, "aucune valeur par département"),
        (action(started_on=date(2027, 2, 1)), followed(week=series()), "dans l'avenir"),
        (action(started_on=None), followed(week=series()), "pas de date de début"),
    ],
)
def test_what_cannot_be_asked_has_a_sentence_and_what_would_help(
    asked: Action, kpis: dict[str, Kpi], sentence: str
) -> None:
    (found,) = read(registered(asked), kpis, TODAY)
    assert found.finding.effect is None
    assert found.certainty is Certainty.none
    assert sentence in (found.finding.refusal or "")
    assert found.finding.remedy


def test_overlapping_actions_are_flagged_by_name() -> None:
    first_reading, other = read(registered(action(), action(action_id="B1")), followed(week=series()), TODAY)
    assert (first_reading.overlaps, other.overlaps) == (("B1",), ("A1",))
    assert first_reading.finding.effect is None


def test_an_effect_is_worded_among_all_others() -> None:
    """The same p-value is less among many: Benjamini and Hochberg multiply the least one by their number."""
    weekly = strong_series()
    many = [action(action_id=f"B{row}", territories=(f"T{row}",)) for row in range(1, 12)]
    alone = read(registered(action()), followed(week=weekly), TODAY)[0]
    first = read(registered(action(), *many), followed(week=weekly), TODAY)[0]
    assert alone.certainty is first.certainty is Certainty.probable
    assert alone.finding.effect
    assert alone.adjusted_p == pytest.approx(alone.finding.effect.p_value)
    assert first.finding.effect
    assert first.adjusted_p == pytest.approx(12 * first.finding.effect.p_value)


def strong_series() -> Series:
    trial_ = trial(5, 0.3, level=80.0)
    ends = [start + timedelta(days=6) for start in trial_.panel.starts]
    return Series("k", trial_.panel, ends, 4, ends[-1])


def days_running(known: int) -> tuple[Series, Series]:
    """Return weeks and days of one KPI of which as many days after the action are known."""
    trial_ = trial(5, 0.2, periods=280, window=28, days=1, level=30.0)
    ends = list(trial_.panel.starts)
    until = ends[trial_.first + known - 1]
    weeks = [range(at, at + 7) for at in range(0, 280, 7)]
    panel = Panel(
        trial_.panel.territories,
        [ends[week[0]] for week in weeks],
        np.array([[row[list(week)].sum() for week in weeks] for row in trial_.panel.counts]),
        np.ones((len(trial_.panel.territories), len(weeks))),
    )
    weekly = Series("k", panel, [ends[week[-1]] for week in weeks], 4, until)
    return weekly, Series("k", trial_.panel, ends, 28, until)


def test_while_the_window_runs_days_tell_the_effect_so_far_and_nothing_is_probable() -> None:
    weekly, daily = days_running(known=10)
    running = action(started_on=daily.panel.starts[252], ended_on=None)
    (found,) = read(registered(running), followed(week=weekly, day=daily), TODAY)
    assert (found.period_type, found.finding.window_is_over) == ("day", False)
    assert len(found.finding.starts) == 10
    assert found.certainty is Certainty.possible  # the sequential interval excludes "no effect"
    assert found.adjusted_p is None
    assert found.finding.effect
    assert re.match(r"Jusqu'ici, effet possible : baisse, −\d+", sentence_so_far(found.finding.effect, found.certainty))
    over, daily = days_running(known=28)
    (found,) = read(registered(running), followed(week=over, day=daily), TODAY)
    assert (found.period_type, found.finding.window_is_over) == ("week", True)


def test_a_count_without_a_row_was_zero_and_a_share_or_a_hidden_cell_is_unknown() -> None:
    periods = [(MONDAY + n * WEEK, MONDAY + n * WEEK + timedelta(days=6)) for n in range(-3, 5)]
    cells = [("T0", MONDAY, 3, 4, False), ("T1", MONDAY + WEEK, None, None, True)]
    options = {"window": 4, "known_until": MONDAY + 2 * WEEK}
    count = series_of("k", cells, periods, is_share=False, **options)  # ty: ignore
    share = series_of("k", cells, periods, is_share=True, **options)  # ty: ignore
    assert count
    assert share
    assert count.panel.starts == [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK]
    assert count.panel.exposure.tolist() == [[1, 1, 1], [1, 0, 1]]
    assert share.panel.exposure.tolist() == [[4, 0, 0], [0, 0, 0]]
    assert count.suppressed == {"T1"}
    assert series_of("k", [], periods, is_share=True, **options) is None  # ty: ignore


def test_the_table_has_a_row_per_period_and_one_for_what_is_refused() -> None:
    weekly = strong_series()
    cells = [
        ("k", "week", code, start, count, None, False)
        for row, code in enumerate(weekly.panel.territories)
        for start, count in zip(weekly.panel.starts, weekly.panel.counts[row], strict=True)
    ]
    periods = [("week", start, start + timedelta(days=6)) for start in weekly.panel.starts]
    day = weekly.panel.starts[100]
    rows = [
        ("A1", day, day, "T0", False, "Action de prévention", "Stand", "Cambriolages", "k"),
        ("A2", day, day, "ZZ", True, "Action de prévention", "Stand", "Cambriolages", "k"),
        ("A3", day, day, "T1", False, "Action de prévention", "Stand", "Sécurité routière", None),
    ]
    known = {"any": weekly.known_until}
    table = evaluate(read_register(rows), [("k", False, True, "week")], cells, periods, known).to_pylist()
    assert list(table[0]) == list(COLUMNS)
    measured = [row for row in table if row["action_id"] == "A1"]
    assert len(measured) == 26 + 4
    assert {row["certainty"] for row in measured} == {"probable"}
    assert {row["method"] for row in measured} == {"territoires comparables"}
    after = [row for row in measured if row["is_after"]]
    assert sum(row["period_counted"] for row in after) == after[0]["counted"]
    nation, untargeted = (row for row in table if row["action_id"] != "A1")
    assert (nation["method"], nation["counted"], nation["period_start"]) == ("série nationale", None, None)
    assert nation["national_during"] == pytest.approx(weekly.panel.counts[:, 100:104].sum())
    assert (untargeted["kpi_code"], untargeted["is_proposed"]) == (None, True)


def test_an_hour_has_brought_what_all_hours_together_have() -> None:
    """30 fewer for 6 hours: five an hour, and sqrt(3² + 4²) = 5 around it, by hour 5/6."""
    effects = [
        MeasuredEffect(2, -20, Interval(-23, -17)),
        MeasuredEffect(4, -10, Interval(-14, -6)),
    ]
    value, interval = per_hour(effects)
    assert (value, interval) == (-5, Interval(-35 / 6, -25 / 6))
    reallocation = reallocate(12, effects, [MeasuredEffect(1, -8, Interval(-9, -7))])
    assert reallocation.origin == (60, pytest.approx(Interval(50, 70)))
    assert reallocation.destination == (-96, Interval(-108, -84))
    assert reallocation.together[0] == -36
    assert reallocation.together[1] == pytest.approx(Interval(-36 - np.hypot(10, 12), -36 + np.hypot(10, 12)))
    assert reallocation.actions == 3


@given(st.floats(0.5, 500), st.floats(-50, 50), st.floats(0.1, 20))
def test_what_moves_between_alike_places_changes_nothing(hours: float, effect: float, half: float) -> None:
    alike = [MeasuredEffect(3, effect, Interval(effect - half, effect + half))]
    value, interval = reallocate(hours, alike, alike).together
    assert value == pytest.approx(0)
    assert interval.low < 0 < interval.high


COPY = """
create schema audit; create schema impact; create schema reference;
create table audit.publication as select date '2026-03-01' as data_as_of;
create table reference.dim_territory as select * from (values
    ('T0', 'departement', 'Ain'), ('T1', 'departement', 'Aisne'), ('T2', 'departement', 'Allier'),
    ('R', 'region', 'Bretagne')
) as rows(territory_code, territory_level, territory_name);
create table impact.fct_action_effect as
    select
        action_id || '|k' as effect_key, action_id, date '2025-12-22' as started_on, date '2025-12-22' as ended_on,
        territory_code, 'Ain' as territory_name, false as is_nationwide, 'Action de prévention' as action_kind,
        'prevention_actions' as platform, 'Stand <script>' as action_type, null::bigint as items,
        'Cambriolages' as theme, 4.0 as working_hours, 'k' as kpi_code, 'Pré-plaintes' as kpi_label, false as is_share,
        true as is_proposed, 'week' as period_type, 'probable' as certainty,
        'Effet probable : baisse, −50 %, entre −60 % et −30 %.' as sentence, null::varchar as refusal,
        null::varchar as remedy,
        date '2025-12-22' as window_start, date '2026-01-18' as window_end, true as window_is_over,
        null::decimal(38, 6) as national_before, null::decimal(38, 6) as national_during,
        40::decimal(38, 6) as counted, 80::decimal(38, 6) as expected, 60 as band_low, 100 as band_high,
        0.4 as sequential_low, 0.9 as sequential_high, -40::decimal(38, 6) as effect_cumulative, -60 as effect_low,
        -20 as effect_high, 2 as concluded_after, 'rien ne montre que l''effet change' as course,
        0.25 as false_alarms_in_time, 29 as donors
    from (values ('<b>A1</b>', 'T0'), ('A4', 'T1')) as rows(action_id, territory_code);
insert into impact.fct_action_effect by name
    select
        'A2' as action_id, 'A2|' as effect_key, date '2025-12-23' as started_on, date '2025-12-23' as ended_on,
        'T2' as territory_code, 'Allier' as territory_name, false as is_nationwide,
        'Actualités Ma Sécurité' as action_kind, 'ma_securite' as platform, 4 as items,
        true as is_proposed, 'on ne peut pas conclure' as certainty, 'Aucun indicateur visé.' as refusal,
        'Indiquez-en un.' as remedy;
insert into impact.fct_action_effect by name
    select
        'A0' as action_id, 'A0|k' as effect_key, date '2025-12-01' as started_on, date '2025-12-01' as ended_on,
        'ZZ' as territory_code, true as is_nationwide, 'Action de prévention' as action_kind, 'k' as kpi_code,
        false as is_proposed, 'on ne peut pas conclure' as certainty, 'L''action couvre tout le pays.' as refusal,
        'Tirez au sort.' as remedy, 900 as national_before, 1200 as national_during;
create table impact.fct_action_effect_period as
    select
        '<b>A1</b>' as action_id, 'k' as kpi_code, date '2025-12-08' + 7 * i::int as period_start, i >= 2 as is_after,
        20 - 5 * (i >= 2)::int as counted, 20 as expected, case when i >= 2 then 15 end as band_low,
        case when i >= 2 then 25 end as band_high
    from range(6) as r(i);
"""


def report(home: Home, action_id: str) -> Report:
    with published.connect(home) as connection:
        return report_from(connection, action_id)


def test_the_report_tells_what_was_published_and_who_chose_the_kpi(home: Home) -> None:
    write_copy(home, COPY)
    report_of = report(home, "<b>A1</b>")
    text = report_of.as_text()
    assert "proposés d'après son thème" in text
    assert "Effet probable : baisse, −50 %" in text
    assert "du 22/12/2025 au 18/01/2026 : 40." in text
    assert "Effet : −40, intervalle à 90 % entre −60 et −20." in text
    assert "le hasard seul en donnerait environ 0 sur 2" in text
    (kpi,) = json.loads(json.dumps(report_of.as_json()))["kpis"]
    assert (kpi["certainty"], kpi["donors"], kpi["counted"], kpi["window_end"]) == ("probable", 29, 40, "2026-01-18")


def test_the_page_stands_alone_and_runs_nothing_that_a_platform_wrote(home: Home) -> None:
    write_copy(home, COPY)
    html = page(report(home, "<b>A1</b>"))
    assert "<svg" in html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert "http" not in html


def test_a_report_without_an_effect_says_why_and_what_would_help(home: Home) -> None:
    write_copy(home, COPY)
    text = report(home, "A2").as_text()
    assert "On ne peut pas conclure. Aucun indicateur visé." in text
    assert "Pour pouvoir conclure : Indiquez-en un." in text
    assert "Action A2 : Actualités Ma Sécurité (4 publications)" in text
    assert "un effet n'y est jamais que possible" in text


def test_the_audience_is_told_with_what_it_cannot_say(home: Home) -> None:
    write_copy(home, f"{COPY}; alter table impact.fct_action_effect add audience varchar default 'Seniors'")
    assert "Public visé : Seniors. Les indicateurs comptent tous les publics" in report(home, "A4").as_text()
    assert report(home, "A4").as_json()["audience"] == "Seniors"


def test_a_nationwide_action_has_the_totals_of_the_nation_and_no_effect(home: Home) -> None:
    write_copy(home, COPY)
    text = report(home, "A0").as_text()
    assert "tout le pays" in text
    assert "On ne peut pas conclure. L'action couvre tout le pays." in text
    assert "France : 1\u202f200 pendant la période suivie, 900 pendant la précédente." in text
    assert "Effet" not in text


def test_what_chance_explains_is_not_told_as_an_effect() -> None:
    """The same figures, once outside the interval and once inside: the words must not be those of an effect."""
    seen, unseen = effect_of(0.001, 1.1), effect_of(0.5, 0.9)
    assert sentence(seen, Certainty.probable).startswith("Effet probable : baisse, −")
    told_of_it = sentence(unseen, Certainty.none)
    assert told_of_it.startswith("On ne peut pas conclure : l'écart observé (−")
    assert "peut venir du hasard seul" in told_of_it
    assert "entre −10\u202f% et +100\u202f%" in told_of_it
    assert "peut venir du hasard seul" in sentence_so_far(unseen, Certainty.none)


def test_an_end_that_is_as_good_as_none_can_be_written_and_told() -> None:
    """A few hours of a burst leave an end beyond any number, which no decimal would take."""
    effect = effect_of(0.5, 0.9)
    far = float(Dispersion(noise=1.0, drift=5.0).counts(1.0, 500.0))
    endless = replace(effect, sequential_ratio=Interval(0.1, far / 1e-6), ratio_interval=Interval(0.1, far))
    finding = replace(examine(action(), series(), [], TODAY), effect=endless, window_is_over=False)
    reading = read(registered(action()), followed(week=series()), TODAY)[0]
    rows = to_table([replace(reading, finding=finding)]).to_pylist()
    assert "entre −90\u202f% et plus de +900\u202f%" in rows[0]["sentence"]
    assert rows[0]["ratio_high"] == Decimal(10**12)


def test_an_end_beside_zero_is_not_told_as_zero() -> None:
    assert [percent(ratio) for ratio in (1.004, 0.997, 1.0, 1.026, 0.5)] == [
        "+0,4\u202f%", "−0,3\u202f%", "0\u202f%", "+3\u202f%", "−50\u202f%",
    ]  # fmt: skip


LIVE = """
create schema impact;
create table impact.live_action_effect as
    select
        'A2' as action_id, null::varchar as kpi_code, timestamp '2026-03-01 13:00:00' as known_until, 'x' as certainty,
        'Jamais montré.' as sentence, 1 as hours, 1 as counted, 1 as expected, null::bigint as donors
    union all
    select
        'A4', 'k', timestamp '2026-03-01 13:00:00', 'possible', 'Jusqu''ici, effet possible : baisse.', 50, 12, 20, 80;
"""


def test_what_runs_is_told_by_the_hour_beside_the_day(home: Home) -> None:
    """One o'clock in the afternoon of Greenwich is two in Paris, in winter."""
    write_copy(home, COPY)
    assert "Heure par heure" not in report(home, "A4").as_text()
    write_copy(home, LIVE, target="live", file_name="live_serving.duckdb")
    text = report(home, "A4").as_text()
    assert "Heure par heure, jusqu'au 01/03/2026 à\u00a014\u00a0h : Jusqu'ici, effet possible : baisse." in text
    assert "Compté 12 en 50 heures, attendu sans l'action 20" in text
    (kpi,) = json.loads(json.dumps(report(home, "A4").as_json()))["kpis"]
    assert kpi["by_the_hour"]["known_until"] == "2026-03-01T13:00:00"
    assert "Heure par heure" not in report(home, "A2").as_text()


def test_an_unknown_action_is_met_with_some_that_exist(home: Home) -> None:
    write_copy(home, COPY)
    with pytest.raises(ExpectedFailure, match="A2, <b>A1</b>, A4"):
        report(home, "nope")


def test_a_copy_without_the_marts_says_what_to_do(home: Home) -> None:
    write_copy(home, "create schema audit; create table audit.publication as select current_date as data_as_of")
    with pytest.raises(ExpectedFailure, match="cyberimpact build"):
        report(home, "A1")


def test_moving_hours_tells_the_expected_change_with_its_interval(home: Home) -> None:
    """Both have lost 40 for 4 hours, from 20 to 60: ten an hour, five to fifteen; 4 hours are 40, together 0 ± 28."""
    write_copy(home, COPY)
    with published.connect(home) as connection:
        text = simulate_from(connection, 4, "T0", "T1").as_text()
    assert "Ain : +40, intervalle à 90 % entre +20 et +60." in text
    assert "Aisne : −40, intervalle à 90 % entre −60 et −20." in text
    assert "Ensemble : 0, intervalle à 90 % entre −28,3 et +28,3. On ne peut pas conclure" in text


@pytest.mark.parametrize(
    ("hours", "origin", "destination", "sentence"),
    [
        (8, "T0", "T2", "Aucun effet n'a pu être mesuré dans Allier"),
        (5, "T0", "T1", "mesuré que sur 4\u00a0heures"),
        (8, "T0", "R", "n'est pas un département"),
        (8, "T0", "T0", "sont les mêmes"),
        (-1, "T0", "T1", "On ne peut pas déplacer -1 heures"),
        (float("nan"), "T0", "T1", "On ne peut pas déplacer nan heures"),
    ],
)
def test_a_move_without_a_measured_effect_is_refused(
    home: Home, hours: float, origin: str, destination: str, sentence: str
) -> None:
    write_copy(home, COPY)
    with published.connect(home) as connection, pytest.raises(ExpectedFailure, match=sentence):
        simulate_from(connection, hours, origin, destination)


def test_the_verb_takes_an_action_or_a_simulation(home: Home, tmp_path: Path) -> None:
    write_copy(home, COPY)
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(app, ["impact", "--html", str(page), "A4"])
    assert "Effet probable" in shown.stdout
    assert page.exists()
    moved_hours = CliRunner().invoke(
        app, ["impact", "simulate", "--hours", "4", "--from", "T0", "--to", "T1", "--json"]
    )
    assert json.loads(moved_hours.stdout)["kpis"][0]["at_origin"] == [40, [20, 60]]
