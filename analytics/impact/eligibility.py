"""Decides whether the effect of an action can be estimated, and returns the effect or a French reason why it cannot."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from analytics.impact.effect import LEAST_DONORS, LEAST_PAST, Effect, measure
from analytics.impact.panel import Panel

#: Of the usual total, below which a period is taken for an outage of the platform and not for news.
OUTAGE_SHARE = 0.2
#: Counts expected in the window, below which "twice as many" and "none" look alike.
LEAST_EXPECTED = 1.0
UNKNOWN_TERRITORY = "ZZ"
_NAMED = 5  # actions in a sentence


@dataclass(frozen=True)
class Action:
    """An action of the register.

    Args:
        action_id: Key of the register.
        started_on: First day, or first hour where hours are counted; None where the register has none.
        ended_on: Last day, or hour.
        territories: Départements; empty where none is known.
        is_nationwide: Whether it aimed at the whole country.
        targets: Codes of the KPIs on which it is measured.
    """

    action_id: str
    started_on: date | None
    ended_on: date | None
    territories: tuple[str, ...]
    is_nationwide: bool
    targets: frozenset[str]


@dataclass(frozen=True)
class Series:
    """A KPI of all territories, up to the last day of its platform.

    Args:
        kpi_code: Its code.
        panel: Territories by period.
        ends: Last day of each period.
        window: Periods over which effects are sought.
        known_until: Last day of which the platform's data are complete.
        suppressed: Territories with cells that are not published because they count too few victims: what is
            missing there is what is small, so neither an effect nor a comparison would be fair.
        history: Periods of the past that the comparison stands on, where there are so many.
        least_past: Periods that the shortest past of a placebo has.
        silence: Periods that must be almost empty together for an outage: a night is none.
        unit: What a period is called, in French.
    """

    kpi_code: str
    panel: Panel
    ends: Sequence[date]
    window: int
    known_until: date
    suppressed: frozenset[str] = frozenset()
    history: int = 52
    least_past: int = LEAST_PAST
    silence: int = 1
    unit: str = "période(s)"


class Refusal(NamedTuple):
    """Why there is no effect, and what would allow one, in French."""

    sentence: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """An effect, or the sentence why there is none.

    Args:
        kpi_code: The KPI.
        effect: None where it cannot be measured.
        refusal: French sentence; None where there is an effect.
        remedy: What data would allow an effect to be measured, in French; None where there is an effect.
        starts: First day of each period of the window, as far as it is known.
        before: First day of each period before the window that the effect stands on; empty where there is none.
        last_day: Last day of the window; None where there is no effect.
        window_is_over: Whether all its periods are known; the effect is one so far where they are not.
        nation: Totals of all territories over the window and over as many periods before; only for nationwide actions.
    """

    kpi_code: str
    effect: Effect | None = None
    refusal: str | None = None
    remedy: str | None = None
    starts: tuple[date, ...] = ()
    before: tuple[date, ...] = ()
    last_day: date | None = None
    window_is_over: bool = True
    nation: tuple[float, float] | None = None


def examine(action: Action, series: Series, others: Collection[Action], today: date) -> Finding:
    """Return the effect of an action on one KPI, or the reason why it cannot be estimated.

    Args:
        action: The action.
        series: The KPI.
        others: All actions of the register; donors are territories without one on the same KPI.
        today: Day at which the question is asked.
    """
    refusal = _undated(action, today)
    if refusal:
        return refused(series.kpi_code, refusal)
    assert action.started_on is not None
    ends, panel = series.ends, series.panel
    complete = sum(end <= series.known_until for end in ends)
    first = sum(end < action.started_on for end in ends)
    running = sum(start <= (action.ended_on or action.started_on) for start in panel.starts) - first
    planned = first + max(series.window, running)
    last = min(planned, complete)
    if last <= first:
        return refused(
            series.kpi_code,
            Refusal(
                "Aucune période complète n'est encore connue depuis le début de l'action : les données de cet "
                f"indicateur s'arrêtent au {series.known_until:%d/%m/%Y}.",
                "Revenez après la prochaine mise à jour.",
            ),
        )
    starts = tuple(panel.starts[first:last])
    if action.is_nationwide:
        return _nationwide(series, first, last, starts, overlapping(action, series, others))
    touched = series.suppressed.union(*(other.territories for other in _rivals(action, series, others)))
    refusal = (
        _mixed(action, series, others)
        or _untold(series, first, last)
        or _unknown(action, series, first, last)
        or _too_few_donors(action, series, touched, first, last)
    )
    if refusal:
        return refused(series.kpi_code, refusal, starts)
    merged = panel.merged(action.territories)
    effect = measure(
        merged,
        _donors(merged, series, touched, first, last),
        first,
        last,
        history=series.history,
        least_past=series.least_past,
        planned=planned - first,
    )
    if effect.expected < LEAST_EXPECTED:
        rare = Refusal(
            "L'indicateur est trop rare dans ce territoire : moins d'un cas était attendu pendant la période suivie, "
            "un effet ne pourrait pas se distinguer du hasard.",
            "Menez l'action sur plusieurs départements, ou visez un indicateur plus fréquent.",
        )
        return refused(series.kpi_code, rare, starts)
    return Finding(
        series.kpi_code,
        effect,
        starts=starts,
        before=tuple(panel.starts[first - len(effect.past) : first]),
        last_day=ends[last - 1],
        window_is_over=last == planned,
    )


def overlapping(action: Action, series: Series, others: Collection[Action]) -> list[Action]:
    """Return the other actions on the same KPI whose windows meet the action's: in one place, or all nationwide."""
    rivals = _rivals(action, series, others)
    return (
        rivals
        if action.is_nationwide
        else [rival for rival in rivals if set(rival.territories) & set(action.territories)]
    )


def refused(kpi_code: str, refusal: Refusal, starts: tuple[date, ...] = ()) -> Finding:
    return Finding(kpi_code, refusal=refusal.sentence, remedy=refusal.remedy, starts=starts)


def _undated(action: Action, today: date) -> Refusal | None:
    if action.started_on is None:
        return Refusal(
            "L'action n'a pas de date de début : sans elle il n'y a ni avant ni après.", "Complétez le registre."
        )
    if action.started_on > today:
        return Refusal(
            f"L'action commence le {action.started_on:%d/%m/%Y}, dans l'avenir : rien ne peut encore être mesuré.",
            "Revenez quand l'action aura commencé.",
        )
    if not action.is_nationwide and set(action.territories) <= {UNKNOWN_TERRITORY}:
        return Refusal(
            "L'action n'a pas de territoire connu : sans lui aucune comparaison n'est possible.",
            "Complétez le registre.",
        )
    return None


def _nationwide(series: Series, first: int, last: int, starts: tuple[date, ...], meeting: Sequence[Action]) -> Finding:
    counts, length = series.panel.counts.sum(axis=0), last - first
    before = counts[max(first - length, 0) : first]
    mixed = f" D'autres actions nationales s'y mêlent : {_names(meeting)}." if meeting else ""
    return Finding(
        series.kpi_code,
        refusal="L'action couvre tout le pays : aucun territoire ne peut servir de comparaison, et l'effet de l'action "
        f"ne peut pas être séparé de ce qui arrivait par ailleurs. Seule la série nationale est donnée.{mixed}",
        remedy="Commencez une prochaine fois par une partie des départements, tirés au sort.",
        starts=starts,
        nation=(float(before.sum()), float(counts[first:last].sum())) if len(before) == length else None,
    )


def _mixed(action: Action, series: Series, others: Collection[Action]) -> Refusal | None:
    meeting = overlapping(action, series, others)
    if not meeting:
        return None
    return Refusal(
        f"D'autres actions visent le même indicateur, au même endroit et au même moment ({_names(meeting)}) : leurs "
        "effets se mêlent et ne peuvent pas être attribués à l'une d'elles.",
        "Espacez les actions, ou déclarez-les comme une seule dans le registre.",
    )


def _names(actions: Sequence[Action]) -> str:
    names = sorted(action.action_id for action in actions)
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")


def _untold(series: Series, first: int, last: int) -> Refusal | None:
    """Return why the data of all territories are insufficient, or None."""
    least = series.least_past + last - first
    if first < least:
        return Refusal(
            f"L'historique est trop court : {first} {series.unit} avant l'action, il en faut au moins {least}.",
            "Chargez un historique plus ancien de la plateforme.",
        )
    counts = series.panel.counts.sum(axis=0)
    totals = np.convolve(counts, np.ones(series.silence))[: len(counts)]
    usual = float(np.median(totals[max(first - series.history, 0) : first]))
    silent = np.flatnonzero(totals[first:last] < OUTAGE_SHARE * usual)
    if len(silent):
        return Refusal(
            f"La plateforme n'a presque rien transmis à partir du {series.panel.starts[first + silent[0]]:%d/%m/%Y}, "
            "pendant la période suivie : une panne ressemblerait à un effet.",
            "Demandez à la plateforme les données manquantes et chargez-les.",
        )
    return None


def _unknown(action: Action, series: Series, first: int, last: int) -> Refusal | None:
    """Return why the data of this territory are insufficient, or None."""
    panel, past = series.panel, slice(max(first - series.history, 0), first)
    here = np.array([code in action.territories for code in panel.territories])
    if sum(here) < len(action.territories):
        return Refusal(
            "L'indicateur n'est pas publié pour ce territoire.", "Visez un indicateur qui existe dans ce territoire."
        )
    if series.suppressed & set(action.territories):
        return Refusal(
            "Trop peu de victimes dans ce territoire : des valeurs y sont masquées, un effet serait faussé.",
            "Menez l'action sur des départements où l'indicateur est publié chaque mois.",
        )
    if np.any(panel.exposure[here][:, first:last].sum(axis=1) == 0):
        return Refusal(
            "Ce territoire n'a pas de données pendant la période suivie.",
            "Chargez les données de cette période, si la plateforme les a.",
        )
    if not panel.counts[here][:, past].any():
        return Refusal(
            "Le territoire n'a compté que des zéros avant l'action : il n'y a rien à quoi comparer.",
            "Visez un indicateur plus fréquent dans ce territoire.",
        )
    return None


def _too_few_donors(action: Action, series: Series, touched: Collection[str], first: int, last: int) -> Refusal | None:
    merged = series.panel.merged(action.territories)
    count = int(_donors(merged, series, touched, first, last).sum())
    if count >= LEAST_DONORS:
        return None
    return Refusal(
        f"Trop peu de territoires comparables sont restés sans action sur le même indicateur : {count}, il en faut au "
        f"moins {LEAST_DONORS}.",
        "Laissez plus de départements sans action sur cet indicateur pendant le même temps.",
    )


def _donors(panel: Panel, series: Series, touched: Collection[str], first: int, last: int) -> "np.ndarray":
    """Return which territories may be donors; the treated territory is in the first row."""
    seen = slice(max(first - series.history, 0), first)
    able = (panel.counts[:, seen].sum(axis=1) > 0) & (panel.exposure[:, first:last].sum(axis=1) > 0)
    free = np.array([row > 0 and code not in touched for row, code in enumerate(panel.territories)])
    return able & free


def _rivals(action: Action, series: Series, others: Collection[Action]) -> list[Action]:
    """Return the other actions on the same KPI whose windows meet the action's, wherever they are.

    A local action is not mixed with a nationwide one: that touches everybody alike, and the donors carry it.
    """
    begin, end = _window(action, series)
    found = []
    for other in others:
        if other.action_id == action.action_id or series.kpi_code not in other.targets or other.started_on is None:
            continue
        if other.is_nationwide is not action.is_nationwide:
            continue
        other_begin, other_end = _window(other, series)
        if other_begin <= end and begin <= other_end:
            found.append(other)
    return found


def _window(action: Action, series: Series) -> tuple[date, date]:
    assert action.started_on is not None
    starts = series.panel.starts
    length = (starts[1] - starts[0]) * series.window if len(starts) > 1 else timedelta()
    return action.started_on, max(action.ended_on or action.started_on, action.started_on + length - timedelta(days=1))
