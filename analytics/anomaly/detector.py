"""The streaming detector: one instance per series, one score per value, from the past only.

It was chosen by reasoning about counts of posts and by comparison (`docs/signals.md` has the figures):

- A value is compared with two expectations: a level that follows the last hours, and what is usual at its hour of day.
  Each is trusted by its own error, a root mean square over two weeks at five minutes, as in an exponentially weighted
  control chart (Roberts 1959; Lucas and Saccucci 1990). Unlike a median deviation, the root mean square knows the
  bursts of a series, so that a series that bursts daily has a higher bound than a calm one.
- A deviation is the geometric mean of that of the value and that of the last values together, an exponentially weighted
  mean of what they exceed their expectations by. One outlier counts less than a rise that lasts.
- What is learnt of a value is clipped (Huber 1964), so that one huge value does not blind it.
- How far a series strays on an ordinary day, the mean logarithm of the greatest deviation of each day, sets what is
  extraordinary in it: block maxima, as in the theory of extreme values (Gumbel 1958), drawn towards a common prior. The
  median day is ordinary whatever the prior.
- What follows within a day of a deviation belongs to its event: what is not clearly greater counts a seventh.
"""

import json
import math
from datetime import datetime
from statistics import median
from typing import Any, ClassVar

_VERSION = 2
_WARM_UP = 32  # values before the first score: their median starts the level
_LEVEL_MEMORY = 144  # values: twelve hours at five minutes
_ERROR_MEMORY = 4000  # values
_USUAL_MEMORY = 80  # values of one hour of day: a week at five minutes
_USUAL_AFTER = 300  # values before the hours of day are relied upon
_SMOOTHING = 0.4  # the weight of a value among the last ones
_SMOOTHED_SHARE = math.sqrt(_SMOOTHING / (2.0 - _SMOOTHING))  # of the error, left by smoothing independent values
_CLIP = 15.0  # errors: an error learns nothing greater
_REACH = 200.0  # errors: a level is moved by nothing greater
_FARTHEST = 1e6  # errors: also any deviation from what has never deviated
_LARGEST_OF_A_DAY = 1000.0  # errors
_OUTLIERS_AT_FIRST = 3  # of the first values, that the first error does not count
_LEAST_ERROR = 1e-9  # of the expectation: less is rounding
_PRIOR_DAYS, _PRIOR_LOG_MAXIMUM = 10.0, math.log(5.0)  # an ordinary day's greatest deviation, before any is known
_MOST_DAYS = 50
_FEWEST_DAYS = 3  # that have a median
_SERIES_SHARE = 0.5  # of the day's greatest deviation, on the scale of logarithms, that is the series' own
_BOUND = 3.5  # the deviation that alerts, over the square root of an ordinary day's greatest
_LEAST_BOUND = 1.75  # the same, over the greatest of the median day
_SAME_EVENT_SECONDS = 86_400
_SAME_EVENT_DISCOUNT = 7.0
_SAME_EVENT_GROWTH = 1.6  # times its greatest deviation is new; lasting alone adds up to 1 / sqrt(_SMOOTHING) = 1.58
_REPORTED = 0.6  # of the deviation that alerts: an event that has not come so far may still be reported
_LARGEST = 1e150  # its square is a number
_SHOWN = ("expected", "upper")


class Detector:
    """Scores one series, value after value.

    Timestamps are taken as the clock on the wall shows them; give local time where the season is local. Time never runs
    backwards: what arrives late is scored as if it came now.
    """

    ALERT: ClassVar[float] = 0.5
    """The score at which an operator would be alerted, at about one false alert in four weeks of a quiet series."""

    __slots__ = (
        "_clock",
        "_day",
        "_day_maximum",
        "_first",
        "_level",
        "_level_error",
        "_log_maxima",
        "_peak",
        "_peak_at",
        "_seen",
        "_smoothed",
        "_smoothed_error",
        "_threshold",
        "_times",
        "_usual",
        "_usual_error",
        "expected",
        "upper",
    )

    def __init__(self) -> None:
        self.expected = math.nan
        """What was expected instead of the last value; NaN during the warm-up."""
        self.upper = math.nan
        """From where on the last value would have alerted; NaN during the warm-up."""
        self._first: list[float] = []
        self._seen = 0
        self._clock = 0
        self._level = self._level_error = self._usual_error = 0.0
        self._smoothed = self._smoothed_error = 0.0
        self._usual: list[float | None] = [None] * 24
        self._times = [0] * 24
        self._day = 0
        self._day_maximum = 0.0
        self._log_maxima: list[float] = []
        self._threshold = _threshold(self._log_maxima)
        self._peak = 0.0
        self._peak_at = 0

    def step(self, timestamp: datetime, value: float) -> float:
        """Return how unexpected a value is, in [0, 1], and learn from it.

        Raises:
            ValueError: the value is not a finite number; nothing is learnt.
        """
        if not -_LARGEST < value < _LARGEST:
            if not math.isfinite(value):
                raise ValueError(f"The value {value} is not a finite number: leave missing values out.")
            value = math.copysign(_LARGEST, value)
        hour = timestamp.hour
        day = timestamp.toordinal()
        clock = day * 86_400 + hour * 3_600 + timestamp.minute * 60 + timestamp.second
        if clock > self._clock:
            self._clock = clock
        else:
            clock, day = self._clock, self._day
        seen = self._seen = self._seen + 1
        if seen <= _WARM_UP:
            self._warm_up(value)
            self._day = day
            return 0.0

        expected, error = self._expect(hour)
        residual = value - expected
        if error == 0.0:
            error = abs(residual) / _FARTHEST
        before = self._smoothed
        smoothed, smoothed_error = self._smooth(residual, error)
        deviation = 0.0
        if error > 0.0 and (residual > 0.0 < smoothed or residual < 0.0 > smoothed):
            sudden, lasting = abs(residual) / error, abs(smoothed) / smoothed_error
            deviation = math.sqrt(min(sudden, _FARTHEST) * min(lasting, _FARTHEST))

        if day != self._day:
            self._close_day(day)
        self._day_maximum = max(self._day_maximum, deviation)
        threshold = self._threshold
        peak = self._peak
        has_grown = deviation > (_SAME_EVENT_GROWTH * peak if peak >= _REPORTED * threshold else peak)
        if has_grown or clock - self._peak_at >= _SAME_EVENT_SECONDS:
            self._peak, self._peak_at = deviation, clock
        else:
            threshold *= _SAME_EVENT_DISCOUNT
        self.expected = expected
        self.upper = expected + _excess(threshold, error, before, smoothed_error)

        self._learn(hour, value)
        ratio = deviation / threshold
        return ratio * ratio / (1.0 + ratio * ratio)

    def _expect(self, hour: int) -> tuple[float, float]:
        """Return what is expected at an hour, and the error of that expectation.

        A deviation is the mean of those from the level and from the hour's usual value, each in errors of its own.
        """
        expected, error = self._level, self._level_error
        usual, usual_error = self._usual[hour], self._usual_error
        if usual is not None and self._seen > _USUAL_AFTER and usual_error > 0.0 < error:
            expected = (expected * usual_error + usual * error) / (error + usual_error)
            error = 2.0 * error * usual_error / (error + usual_error)
        return expected, max(error, _LEAST_ERROR * abs(expected))

    def _smooth(self, residual: float, error: float) -> tuple[float, float]:
        """Return by what the last values exceed their expectations, and the error of that mean, which learns it."""
        reach = _REACH * error
        reached = reach if residual > reach else max(residual, -reach)
        self._smoothed += _SMOOTHING * (reached - self._smoothed)
        known = max(self._smoothed_error, _SMOOTHED_SHARE * error)
        learnt = min(abs(self._smoothed), _CLIP * known)
        weight = max(1.0 / _ERROR_MEMORY, 1.0 / self._seen)
        self._smoothed_error = math.sqrt(known * known + weight * (learnt * learnt - known * known))
        return self._smoothed, known

    def _learn(self, hour: int, value: float) -> None:
        """Move the level and the hour's usual value towards a value, and their errors towards its distance."""
        weight = max(1.0 / _ERROR_MEMORY, 1.0 / self._seen)
        error = self._level_error
        moved = value - self._level
        if error > 0.0:
            reach, learnt = _REACH * error, _CLIP * error
            moved = reach if moved > reach else max(moved, -reach)
            learnt = moved if -learnt < moved < learnt else learnt
            self._level += moved * max(1.0 / _LEVEL_MEMORY, 1.0 / self._seen)
            self._level_error = math.sqrt(error * error + weight * (learnt * learnt - error * error))
        else:
            self._level_error = math.sqrt(weight) * abs(moved)

        usual = self._usual[hour]
        if usual is None:
            self._usual[hour], self._times[hour] = self._level, 1
            return
        error = self._usual_error or error
        reach, learnt = _REACH * error, _CLIP * error
        moved = value - usual
        moved = reach if moved > reach else max(moved, -reach)
        learnt = moved if -learnt < moved < learnt else learnt
        self._times[hour] += 1
        self._usual[hour] = usual + moved * max(1.0 / _USUAL_MEMORY, 1.0 / self._times[hour])
        square = self._usual_error * self._usual_error
        self._usual_error = math.sqrt(square + weight * (learnt * learnt - square))

    def _warm_up(self, value: float) -> None:
        """Start from the median of the first values and the mean square of what is near it."""
        self._first.append(value)
        if self._seen == _WARM_UP:
            self._level = median(self._first)
            near = sorted((value - self._level) ** 2 for value in self._first)[:-_OUTLIERS_AT_FIRST]
            self._level_error = math.sqrt(math.fsum(near) / len(near))
            self._first = []

    def _close_day(self, day: int) -> None:
        """Count the greatest deviation of the day that ends among the ordinary ones."""
        self._log_maxima.append(round(math.log(min(max(self._day_maximum, 1.0), _LARGEST_OF_A_DAY)), 3))
        del self._log_maxima[:-_MOST_DAYS]
        self._threshold = _threshold(self._log_maxima)
        self._day, self._day_maximum = day, 0.0

    def save(self) -> bytes:
        """Return the state as ASCII JSON, from which `restore` goes on to the bit."""
        state = {"version": _VERSION} | {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(state | {name: None for name in _SHOWN if math.isnan(state[name])}, allow_nan=False).encode()

    @classmethod
    def restore(cls, state: bytes) -> "Detector":
        """Return the detector that `save` was called on.

        Raises:
            ValueError: this is not the state of a detector of this version.
        """
        try:
            fields = json.loads(state)
            version = fields.pop("version")
            if version == 1:
                fields = _of_version_2(fields)
            elif version != _VERSION:
                raise ValueError  # noqa: TRY301
            if fields.keys() != set(cls.__slots__):
                raise ValueError  # noqa: TRY301
        except (ValueError, KeyError, AttributeError):
            raise ValueError("This is not the state of a detector of this version: score the series anew.") from None
        detector = cls()
        for name, field in fields.items():
            setattr(detector, name, math.nan if field is None and name in _SHOWN else field)
        return detector


def _threshold(log_maxima: list[float]) -> float:
    """Return the deviation that alerts, from the greatest of each day."""
    days = _PRIOR_DAYS + len(log_maxima)
    ordinary = (_PRIOR_DAYS * _PRIOR_LOG_MAXIMUM + math.fsum(log_maxima)) / days
    bound = _BOUND * math.exp(_SERIES_SHARE * ordinary)
    return bound if len(log_maxima) < _FEWEST_DAYS else max(bound, _LEAST_BOUND * math.exp(median(log_maxima)))


def _excess(deviation: float, error: float, smoothed: float, smoothed_error: float) -> float:
    """Return by what a value exceeds its expectation if it deviates so far; `smoothed` is the mean before it."""
    # An excess x counts as x / error, and with the values before it as (kept + weight x) / smoothed_error, x being at
    # most its reach there. The product of both is the square of the deviation.
    kept = (1.0 - _SMOOTHING) * smoothed
    product = deviation * math.sqrt(error * smoothed_error)
    excess = (math.hypot(kept, 2.0 * math.sqrt(_SMOOTHING) * product) - kept) / (2.0 * _SMOOTHING)
    reach = _REACH * error
    return excess if excess <= reach else product * (product / (kept + _SMOOTHING * reach))


def _of_version_2(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the state that version 1 saved, which knew the mean of the days and smoothed nothing.

    The error of the mean of the last values is at most that of one.
    """
    days = fields.pop("_days") - _PRIOR_DAYS
    mean = (fields["_log_maxima"] - _PRIOR_DAYS * _PRIOR_LOG_MAXIMUM) / days if days else 0.0
    log_maxima = [round(max(mean, 0.0), 3)] * round(days)
    smoothed = {"_smoothed": 0.0, "_smoothed_error": fields["_level_error"]}
    return fields | smoothed | {"_log_maxima": log_maxima, "_threshold": _threshold(log_maxima)}
