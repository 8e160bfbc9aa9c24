"""Measures the streaming detector on one core, and EARS in SQL."""

import os
import time
from datetime import datetime, timedelta

import duckdb
import jinja2
import numpy as np

from analytics.signals import Detector
from core import settings

_POINTS = 500_000
_SERIES, _DAYS = 5_000, 400


def points_per_second() -> float:
    """Return the values that one detector scores in a second of processor time."""
    draw = np.random.default_rng(1)
    start = datetime(2026, 1, 1)  # noqa: DTZ001
    moments = [start + index * timedelta(minutes=5) for index in range(_POINTS)]
    values = draw.negative_binomial(5, 5 / 55, _POINTS).astype(float).tolist()
    detector = Detector()
    began = time.process_time()
    for moment, value in zip(moments, values, strict=True):
        detector.step(moment, value)
    return _POINTS / (time.process_time() - began)


def ears_seconds() -> tuple[float, float]:
    """Return elapsed time and processor time of the three charts of all series."""
    text = (settings.CHECKOUT / "dbt_project/macros/ears.sql").read_text(encoding="utf-8")
    query = jinja2.Environment(autoescape=False).from_string(text).module.ears("counts", ["series"], "day", "mentions")  # noqa: S701
    with duckdb.connect() as connection:
        connection.execute(
            f"create table counts as select series, date '2025-01-01' + cast(day as integer) as day, "  # noqa: S608
            f"cast(hash(series * 1000 + day) % 50 as integer) as mentions "
            f"from range({_SERIES}) as series(series), range({_DAYS}) as days(day)"
        )
        began, used = time.perf_counter(), time.process_time()
        connection.execute(f"create table charts as {query}")
        return time.perf_counter() - began, time.process_time() - used


def main() -> None:
    print(f"detector: {points_per_second():,.0f} points/s on one core")
    elapsed, used = ears_seconds()
    print(
        f"EARS C1-C3, {_SERIES:,} series x {_DAYS} days: {elapsed:.1f} s, {used:.1f} s of {os.cpu_count()} processors"
    )


if __name__ == "__main__":
    main()
