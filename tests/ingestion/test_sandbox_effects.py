"""Effects of actions in the sandbox: seeded, small, shown to nobody, and nothing else of a day moves with them."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from sandbox import cybermalveillance, effects, perceval, pre_plainte
from sandbox.effects import Effect
from sandbox.events import START

SEED = 17
DAYS = [START + timedelta(days=offset) for offset in range(120, 150)]


def test_an_effect_is_whole_for_half_its_time_then_fades() -> None:
    effect = Effect("33", "Cambriolages", date(2025, 6, 1), 1, "pre_complaints", 28, 0.4)
    assert [effect.share(date(2025, 6, day)) for day in (1, 15)] == [0.4, 0.4]
    assert effect.share(date(2025, 6, 22)) == pytest.approx(0.2)
    assert effect.share(date(2025, 5, 31)) == effect.share(date(2025, 6, 29)) == 0.0


def test_about_half_of_the_actions_have_one_and_none_is_large() -> None:
    strengths = [effect.strength for effect in effects.effects(SEED, START + timedelta(days=600))]
    assert len(strengths) > 300
    assert 0.4 < sum(strength > 0 for strength in strengths) / len(strengths) < 0.6
    assert all(strength == 0 or 0.05 <= strength <= 0.4 for strength in strengths)


def clear() -> None:
    for cached in (effects.effects_of, effects.remaining, perceval.reports_of, pre_plainte.declarations_of):
        cached.cache_clear()
    cybermalveillance.cases_of.cache_clear()


def test_effects_only_take_away_and_only_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them every record that is left is there too, word for word; elsewhere all are left."""

    def count_records() -> tuple[Counter, Counter, Counter]:
        clear()
        declared = Counter(row for day in DAYS for row in pre_plainte.declarations_of(SEED, day))
        cases = Counter(row for day in DAYS for row in cybermalveillance.cases_of(SEED, day))
        reports = Counter()
        for day in DAYS:
            reports.update({(day, code): n for code, n in perceval.reports_of(SEED, day).by_departement.items()})
        return declared, cases, reports

    with_effects = count_records()
    touched = [{day: set(effects.remaining(SEED, moved, day)) for day in DAYS} for moved in effects.LASTS_DAYS]
    monkeypatch.setattr(effects, "MOVED", {})
    without = count_records()
    clear()
    for left, untouched in zip(with_effects, without, strict=True):
        assert left < untouched
    gone = {key: n for key, n in (without[2] - with_effects[2]).items() if n}
    assert all(code in touched[1][day] for day, code in gone)


def test_the_series_of_perceval_still_add_up() -> None:
    for day in DAYS:
        found = perceval.reports_of(SEED, day)
        assert found.reports == sum(found.by_departement.values()) == sum(found.by_age.values())


def test_the_truth_stands_in_its_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    command = [sys.executable, "-m", "sandbox", "--truth", str(file), "--now", "2025-03-01", "--seed", str(SEED)]
    subprocess.run(command, check=True)
    listed = [line for line in json.loads(file.read_text()) if line["kind"] == "action_effect"]
    assert [line["strength"] for line in listed] == [
        effect.strength for effect in effects.effects(SEED, date(2025, 3, 1))
    ]
