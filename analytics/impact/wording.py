"""The words that an effect deserves, by a declared rule; no figure is made here."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from scipy import stats

from analytics.impact.effect import Effect

#: Expected share of false ones among the effects that are called probable.
FALSE_DISCOVERY_RATE = 0.05
#: Of a territory's own earlier windows, the share of false alarms above which nothing is called probable there.
MOST_FALSE_ALARMS = 1 / 3
SAME = 0.10


class Certainty(StrEnum):
    """How sure an effect is."""

    probable = "probable"
    possible = "possible"
    none = "on ne peut pas conclure"


def certainties(effects: Sequence[Effect]) -> list[Certainty]:
    """Say how sure each effect of one reading is.

    Probable: the 90 % interval excludes "no effect", the effect stands among all those read together (Benjamini,
    Hochberg 1995, at 5 %), and the same territory shows no such effects where nothing was done. Possible: the interval
    excludes "no effect" and the rest fails: one action in ten without effect looks so. Otherwise nothing can be
    concluded, which is not to say that there was no effect.

    Source: Benjamini, Hochberg (1995), Controlling the false discovery rate, Journal of the Royal Statistical Society B
    57, 289-300.
    """
    if not effects:
        return []
    adjusted = stats.false_discovery_control(np.array([effect.p_value for effect in effects]), method="bh")
    return [_certainty(effect, float(value)) for effect, value in zip(effects, adjusted, strict=True)]


def _certainty(effect: Effect, adjusted: float) -> Certainty:
    if not effect.ratio_interval.excludes(1.0):
        return Certainty.none
    stands = adjusted <= FALSE_DISCOVERY_RATE and effect.false_alarms_in_time <= MOST_FALSE_ALARMS
    return Certainty.probable if stands else Certainty.possible


def course(effect: Effect) -> str:
    """Say whether an effect fades, in French; only worth saying of an effect that is possible or probable."""
    if effect.fading is None or effect.halves is None:
        return "une seule période est connue, l'évolution de l'effet ne peut pas être dite"
    if effect.fading > SAME:
        return "rien ne montre que l'effet change au fil de la période"
    early, late = (abs(np.log(max(ratio, 1e-9))) for ratio in effect.halves)
    return "l'effet s'estompe au fil de la période" if late < early else "l'effet grandit au fil de la période"
