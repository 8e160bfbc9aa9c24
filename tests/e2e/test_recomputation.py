"""Every published KPI against pandas, to the last digit. How pandas gets its figures is said in `recomputed`."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from tests.e2e.line import Line
from tests.e2e.recomputed import (
    IGGN_COMPLAINTS,
    PERIODS,
    RECOMPUTED,
    cells,
    levels,
    period_of,
    rounded,
    shares_in_order,
)

#: Every platform is loaded, built and published first, which alone takes minutes.
pytestmark = pytest.mark.proof

#: Figures that are not compared month by month, each with a test of its own; and effects, which need more than three
#: months.
ELSEWHERE = {
    "iggn_complaints", "irritant_weight", "listing_sync_share", "negative_share_by_theme", "action_effect",
    "actions_concluded_share",
}  # fmt: skip
#: KPIs whose value is a count of victims, of which fewer than so many are hidden.
VICTIMS, FEWEST = {"perceval_reports", "victims_assisted"}, 5

CELL = "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value"


@pytest.fixture(scope="session")
def kpis(everything: Line) -> Mapping[str, Any]:
    """What each KPI declares of itself."""
    manifest = json.loads((everything.home.dbt_target / "manifest.json").read_bytes())
    metas = (node["config"]["meta"].get("kpi") for node in manifest["nodes"].values())
    return {meta["code"]: meta for meta in metas if meta}


def test_every_kpi_is_computed_a_second_time(kpis: Mapping[str, Any]) -> None:
    assert set(kpis) == set(RECOMPUTED) | ELSEWHERE


@pytest.mark.parametrize("code", sorted(RECOMPUTED))
def test_a_kpi_is_what_pandas_computes(everything: Line, kpis: Mapping[str, Any], code: str) -> None:
    observed, value, per = RECOMPUTED[code]
    expected = cells(observed(), kpis[code]["grain"], value, per)
    parts = "is_suppressed, value, numerator, denominator, observations"
    rows = everything.rows(f"select {CELL}, {parts} from kpi.kpi_value where kpi_code = '{code}'")
    published = {row[:6]: row[6:] for row in rows if row[:2] in PERIODS}
    hidden = {cell for cell, (is_suppressed, *_) in published.items() if is_suppressed}
    assert all(part is None for cell in hidden for part in published[cell][1:])
    assert hidden == set() or "victims" in kpis[code]
    if code in VICTIMS:
        assert {cell for cell, number in expected.items() if number < FEWEST} <= hidden
    published_values = {cell: number for cell, (_, number, *_) in published.items() if cell not in hidden}
    assert published.keys() == expected.keys()
    assert published_values == {cell: expected[cell] for cell in published_values}
    levels = {cell[2] for cell in published_values}
    assert levels >= {"nation", "region", "departement"} & set(kpis[code]["grain"]["territory_levels"])


def test_the_share_of_listings_in_order_is_that_of_the_day_of_the_load(everything: Line) -> None:
    """The platform has present figures only, hence one month: that of the load."""
    code = "kpi_code = 'listing_sync_share' and period_type = 'month'"
    rows = everything.rows(f"select breakdown_value, value from kpi.kpi_value where {code}")
    assert len(rows) == len(dict(rows))
    assert dict(rows) == shares_in_order()


def test_complaints_are_those_that_the_inspectorate_published(everything: Line) -> None:
    rows = everything.rows(
        "select period_type, period_start, value from kpi.kpi_value where kpi_code = 'iggn_complaints'"
    )
    assert {row[:2]: row[2] for row in rows} == {("year", date(year, 1, 1)): n for year, n in IGGN_COMPLAINTS.items()}


#: The texts that count: what was read of each is published, what follows from it is computed here a second time.
TEXTS = """
    select
        texts.verbatim_id, texts.platform, texts.territory_code, texts.written_on, feelings.feeling,
        feedback.normalised_score, list(themes.theme)
    from perception.fct_verbatim as texts
    inner join perception.fct_verbatim_kind as kinds using (verbatim_id)
    inner join perception.fct_verbatim_feeling as feelings using (verbatim_id)
    inner join perception.fct_feedback as feedback using (verbatim_id)
    inner join perception.fct_verbatim_theme as themes using (verbatim_id)
    where texts.scope = 'gendarmerie' and kinds.set_aside is null and not feelings.is_undecided
    group by all
"""


def test_irritants_are_what_python_computes(everything: Line) -> None:
    texts = everything.rows(TEXTS)
    content: dict[Any, list[Fraction]] = defaultdict(list)
    for _, platform, _, day, feeling, mark, _ in texts:
        if feeling != "négatif" and mark is not None:
            content[platform, day.year, day.month].append(Fraction(mark))
    known = {theme for *_, spoken_of in texts for theme in spoken_of}
    negatives: dict[Any, list[int]] = defaultdict(list)
    losses: dict[Any, list[Fraction]] = defaultdict(list)
    for _, platform, place, day, feeling, mark, spoken_of in texts:
        usual = content.get((platform, day.year, day.month), [Fraction(5)])
        lost = Fraction(0)
        if feeling == "négatif" and mark is not None:
            lost = max(Fraction(rounded(sum(usual, Fraction(0)) / len(usual))) - Fraction(mark), Fraction(0))
        part = Fraction(rounded(lost / len(spoken_of)))
        for period in {(kind, period_of(kind, day)) for kind in ("month", "quarter")} & set(PERIODS):
            for level in levels()[place]:
                for theme in ("total", *spoken_of):
                    negatives[*period, *level, theme].append(feeling == "négatif")
                for theme in ("total", *known) if mark is not None else ():
                    share = lost if theme == "total" else part if theme in spoken_of else Fraction(0)
                    losses[*period, *level, theme].append(share)
    for code, expected in (("negative_share_by_theme", negatives), ("irritant_weight", losses)):
        rows = everything.rows(
            "select period_type, period_start, territory_level, territory_code, breakdown_value, value "
            f"from kpi.kpi_value where kpi_code = '{code}'"
        )
        published = {row[:5]: row[5] for row in rows if row[:2] in PERIODS}
        assert published == {
            cell: rounded(Fraction(sum(map(Fraction, found))) / len(found)) for cell, found in expected.items()
        }
