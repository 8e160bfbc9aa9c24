"""Published KPIs against Python, from what the platforms show: one of each roll-up, and the irritants.

That every KPI adds its observations up as declared is shown in `tests/dbt/test_kpi_rollups.py`, and what every file of
a platform counts for in `tests/rawfiles`.
"""

import json
from collections import defaultdict
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from sandbox.events import START
from tests.e2e.line import Line
from tests.e2e.recomputed import RECOMPUTED
from tests.geography import levels
from tests.rollups import cells, period_start, rounded

#: Every platform is loaded, built and published first, which alone takes minutes.
pytestmark = pytest.mark.proof

#: What is compared: months, and the quarter at which some breakdowns of victims begin.
PERIODS = {("month", date(2025, 2, 1)), ("month", date(2025, 3, 1)), ("month", date(2025, 4, 1)), ("quarter", START)}
#: KPIs whose value is a count of victims, of which fewer than so many are hidden.
VICTIMS, FEWEST = {"perceval_reports"}, 5

CELL = "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value"


@pytest.mark.parametrize("code", sorted(RECOMPUTED))
def test_a_kpi_is_what_python_computes(everything: Line, code: str) -> None:
    nodes = json.loads((everything.home.dbt_target / "manifest.json").read_bytes())["nodes"]
    kpi = nodes[f"model.cyberimpact.kpi_{code}"]["config"]["meta"]["kpi"]
    computed = {cell: figures.value for cell, (figures, _) in cells(kpi, RECOMPUTED[code]()).items()}
    expected = {
        cell: None if value is None else rounded(value) for cell, value in computed.items() if cell[:2] in PERIODS
    }
    parts = "is_suppressed, value, numerator, denominator, observations"
    rows = everything.rows(f"select {CELL}, {parts} from kpi.kpi_value where kpi_code = '{code}'")
    published = {row[:6]: row[6:] for row in rows if row[:2] in PERIODS}
    hidden = {cell for cell, (is_suppressed, *_) in published.items() if is_suppressed}
    assert all(part is None for cell in hidden for part in published[cell][1:])
    assert hidden == set() or "victims" in kpi
    if code in VICTIMS:
        assert {cell for cell, number in expected.items() if number < FEWEST} <= hidden
    shown = {cell: value for cell, (_, value, *_) in published.items() if cell not in hidden}
    assert published.keys() == expected.keys()
    assert shown == {cell: expected[cell] for cell in shown}
    assert {cell[2] for cell in shown} >= {"nation", "region", "departement"} & set(kpi["grain"]["territory_levels"])


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
        for period in {(kind, period_start(kind, day)) for kind in ("month", "quarter")} & PERIODS:
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
