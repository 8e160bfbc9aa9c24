"""Words effects and figures in French, by a declared rule on their certainty."""

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
from scipy import stats

from analytics.impact.effect import ALPHA, Effect, Interval
from core.french import decimal

#: Expected share of false ones among the effects that are called probable.
FALSE_DISCOVERY_RATE = 0.05
#: Of a territory's own earlier windows, the share of false alarms above which nothing is called probable there.
MOST_FALSE_ALARMS = 1 / 3
SAME = 0.10
#: Times as many as expected, beyond which an end of an interval is as good as none.
LARGEST_RATIO = 10


class Certainty(StrEnum):
    """How sure an effect is."""

    probable = "probable"
    possible = "possible"
    none = "on ne peut pas conclure"


def certainties(effects: Sequence[Effect]) -> list[Certainty]:
    """Return the certainty of each effect of one reading; all windows are over."""
    return [word(effect, value) for effect, value in zip(effects, adjusted(effects), strict=True)]


def adjusted(effects: Sequence[Effect]) -> list[float]:
    """Return the p-value of each effect among all those read together.

    Source: Benjamini, Hochberg (1995), Controlling the false discovery rate, Journal of the Royal Statistical Society B
    57, 289-300.
    """
    if not effects:
        return []
    return stats.false_discovery_control(np.array([effect.p_value for effect in effects]), method="bh").tolist()


def word(effect: Effect, adjusted_p: float) -> Certainty:
    """Return the certainty of an effect whose window is over.

    Probable: the 90 % interval excludes "no effect", the effect stands among all those read together (at 5 % false
    discoveries), and the same territory shows no such effects where nothing was done. Possible: the interval excludes
    "no effect" and the rest fails: one action in ten without effect looks so. Otherwise nothing can be concluded, which
    is not to say that there was no effect.
    """
    if not effect.ratio_interval.excludes(1.0):
        return Certainty.none
    stands = adjusted_p <= FALSE_DISCOVERY_RATE and effect.false_alarms_in_time <= MOST_FALSE_ALARMS
    return Certainty.probable if stands else Certainty.possible


def apart(effect: Effect) -> Certainty:
    """Return the certainty of the effect of a reactive action: possible at most, since its cause may explain it."""
    return Certainty.possible if effect.ratio_interval.excludes(1.0) else Certainty.none


def so_far(effect: Effect) -> Certainty:
    """Return the certainty of an effect while its window runs, from the sequential interval: possible at most."""
    return Certainty.possible if effect.sequential_ratio.excludes(1.0) else Certainty.none


def course(effect: Effect) -> str:
    """Return whether an effect fades, in French; only worth saying of an effect that is possible or probable."""
    if effect.fading is None or effect.halves is None:
        return "une seule période est connue, l'évolution de l'effet ne peut pas être dite"
    if effect.fading > SAME:
        return "rien ne montre que l'effet change au fil de la période"
    early, late = (abs(np.log(max(ratio, 1e-9))) for ratio in effect.halves)
    return "l'effet s'estompe au fil de la période" if late < early else "l'effet grandit au fil de la période"


def sentence(effect: Effect, certainty: Certainty) -> str:
    if certainty is Certainty.none:
        return f"On ne peut pas conclure : {_by_chance_alone(effect.ratio, effect.ratio_interval)}."
    sense = "baisse" if effect.ratio < 1 else "hausse"
    return f"Effet {certainty.value} : {sense}, {percent(effect.ratio)}, {between(effect.ratio_interval, percent)}."


def sentence_so_far(effect: Effect, certainty: Certainty) -> str:
    """Return the French sentence of an effect while its window runs, with the sequential interval."""
    if certainty is Certainty.none:
        return f"Jusqu'ici, on ne peut pas conclure : {_by_chance_alone(effect.ratio, effect.sequential_ratio)}."
    sense = "baisse" if effect.ratio < 1 else "hausse"
    change = f"{percent(effect.ratio)}, {between(effect.sequential_ratio, percent)}"
    return f"Jusqu'ici, effet {certainty.value} : {sense}, {change}."


def _by_chance_alone(ratio: float, interval: Interval) -> str:
    """Return the French sentence of a change that chance alone explains."""
    return (
        f"l'écart observé ({percent(ratio)}) peut venir du hasard seul ; le véritable effet, s'il y en a un, est sans "
        f"doute {between(interval, percent)}"
    )


#: What would let an effect be seen while its window runs.
PATIENCE = "Attendez la fin de la période suivie : l'effet est mis à jour à chaque construction."


def remedy(effect: Effect) -> str:
    """Return in French what would have made an undetected effect detectable."""
    return (
        f"Seule {seen(effect)} se serait vue : une action plus longue, menée dans plusieurs départements, ou un "
        "indicateur plus fréquent en montreraient de plus petites."
    )


def seen(effect: Effect) -> str:
    """Return in French the least change that is detected with 80 % power."""
    rise = f"une hausse d'au moins {share(effect.least_increase - 1)}"
    if effect.least_decrease <= 0:
        return f"{rise} (aucune baisse : les nombres sont trop petits)"
    return f"{rise} ou une baisse d'au moins {share(1 - effect.least_decrease)}"


def by_chance(measured: int) -> str:
    return f"le hasard seul en donnerait environ {round(measured * ALPHA)} sur {measured}"


def between(interval: Interval, said: Callable[[float], str]) -> str:
    return f"entre {said(interval.low)} et {said(interval.high)}"


def number(value: float) -> str:
    return decimal(value, 0 if abs(value) >= 100 else 1).removesuffix(",0")  # noqa: PLR2004


def signed(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number(abs(value))}"


def percent(ratio: float) -> str:
    if ratio > LARGEST_RATIO:
        return f"plus de {signed(100 * (LARGEST_RATIO - 1))}\u202f%"
    change = 100 * (ratio - 1)
    # An end of an interval that lies just beside zero must not read as zero.
    return f"{signed(round(change) if abs(change) >= 1 else round(change, 1))}\u202f%"


def share(part: float) -> str:
    return f"{number(round(100 * part))}\u202f%"
