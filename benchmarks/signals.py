"""Measures the streaming detector on one core, a micro-batch's detection, and EARS in SQL."""

import os
import time
from datetime import datetime, timedelta

import duckdb
import jinja2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.anomaly import streaming
from analytics.signals import Detector, live_detection
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


def live_bins(minutes: int, days: int, until: datetime) -> pa.Table:
    """Return bins that are not zero: 20 topics, 125 territories, 2 networks; half count less than 0.3 an hour."""
    draw = np.random.default_rng(1)
    bins = days * 1440 // minutes
    means = np.exp(draw.normal(np.log(0.3), 1.6, _SERIES)) * minutes / 60
    counts = draw.negative_binomial(2, 2 / (2 + means[:, None]), (_SERIES, bins))
    series, columns = counts.nonzero()
    topic, network, territory = np.unravel_index(series, (20, 2, 125))
    totals = np.zeros((2, 125, bins), dtype=np.int64)
    np.add.at(totals, (network, territory, columns), counts[series, columns])
    names = [[f"topic{n}" for n in range(20)], ["all", "x"], ["FR", *(f"FR-{n}" for n in range(124))]]
    start = np.datetime64(until - timedelta(days=days), "us")
    values = [
        *(np.array(of)[index] for of, index in zip(names, (topic, network, territory), strict=True)),
        start + columns * np.timedelta64(minutes, "m"),
        counts[series, columns],
        totals[network, territory, columns],
        np.zeros_like(series),
    ]
    return pa.table(dict(zip(live_detection.BINS, values, strict=True)), pa.schema(live_detection.BINS))


def micro_batch_seconds() -> tuple[float, float]:
    """Return the processor time of learning a bin of five minutes, and of detecting, over all series."""
    now = datetime(2026, 11, 24, 12)  # noqa: DTZ001
    hours, five_minute_bins = live_bins(60, 60, now), live_bins(5, 7, now)
    learnt, history = {}, streaming.History()
    before = five_minute_bins.filter(pc.field("bin_start") < now - timedelta(days=4))
    live_detection.learn(before, now - timedelta(days=4), learnt, history)  # 864 bins, of which 300 are the warm-up
    for known in learnt.values():
        known.until = now - timedelta(minutes=35)
    began = time.process_time()
    live_detection.learn(five_minute_bins, now, learnt, history)
    learning = time.process_time() - began
    live_detection.detect(hours, five_minute_bins, now, learnt, history, [])
    return learning, time.process_time() - began - learning


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
    learning, detecting = micro_batch_seconds()
    print(f"micro-batch of {_SERIES:,} series: {learning:.1f} s to learn a bin, {detecting:.1f} s to detect")
    elapsed, used = ears_seconds()
    print(
        f"EARS C1-C3, {_SERIES:,} series x {_DAYS} days: {elapsed:.1f} s, {used:.1f} s of {os.cpu_count()} processors"
    )


if __name__ == "__main__":
    main()
