"""Reads what detection needs from dbt's tables, given as DuckDB relations."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from analytics import relations
from analytics.anomaly import calibration, daily, streaming
from analytics.anomaly.baseline import DAY_MINUTES, FRANCE, Anomaly, Key, Times
from analytics.anomaly.calibration import Threshold
from analytics.signals import live_detection, signal_table, topics, vigilance
from analytics.signals.context import Mention, terms_of
from analytics.signals.signal_table import Territory, World
from analytics.signals.topic_tagging import ALL
from analytics.signals.verdict_budgets import DISMISSED, Learnt, last_verdicts, learnt

_USUAL_DAYS, _USUAL_TEXTS = 28, 5000
_MENTION = (
    "mention_id, published_at, network, url, coalesce(title || '. ', '') || coalesce(text, ''), potential_reach,"
    " sentiment, author_id, author_followers, is_share, parent_mention_id"
)

_KNOWN_UNTIL = """
select
    max(collected_at),
    (select max(finished_at) from signals_loads where entity = 'mentions' and origin_kind = 'api')
from signals_mentions
"""


class Live:
    """The tables of one build of the live file.

    Args:
        session: DuckDB connection of dbt.
        this: The model that keeps the signals, for what it held before.
        tables: The tables, by the names that `detect` knows them by.
    """

    def __init__(self, session: Any, *, this: Any, **tables: Any) -> None:
        self._session = session
        self._this = this
        for name, relation in tables.items():
            relation.create_view(f"signals_{name}", replace=True)
        self._tables = tables

    def _rows(self, query: str, *parameters: object) -> list[tuple]:
        return self._session.execute(query, list(parameters)).fetchall()

    def detect(self) -> list[signal_table.Row]:
        """Return the rows of all signals as they are now."""
        columns = list(signal_table.COLUMNS)
        former = relations.as_dicts(relations.former(self._session, self._this, columns))
        now = self.known_until()
        if now is None:
            return former
        learnt, history = streaming.restore(
            self._rows("select series, learnt_until, bins, state from signals_detectors")
        )
        times = {name: found.times for name, found in self._learnt(former, now).items()}
        live = live_detection.detect(
            nonzero_bins(self._tables["hours"]),
            nonzero_bins(self._tables["five_minute_bins"]),
            now,
            learnt,
            history,
            self._thresholds(),
            times=times,
            prior=self._prior(now),
            looked_back_hours=live_detection.LOOKED_BACK_HOURS if former else live_detection.FIRST_LOOK_HOURS,
        )
        found = [*live, *self._of_days(now, times), *self._of_the_daily_build()]
        return signal_table.run(former, found, now, self._world(now))

    def known_until(self) -> datetime | None:
        """Return up to when mentions are known; None before there are any.

        A listening tool that was asked and had nothing is silent; where our own loads fail, nothing is known.
        """
        [(collected, asked)] = self._rows(_KNOWN_UNTIL)
        return collected and max(collected, asked or collected)

    def _thresholds(self) -> list[Threshold]:
        query = (
            "select domain, bin_minutes, alerts_per_series_week, series_weeks, score, watch_score"
            " from signals_thresholds"
        )
        return [Threshold(*row) for row in self._rows(query)]

    def _learnt(self, former: Iterable[signal_table.Row], now: datetime) -> dict[tuple[str, str], Learnt]:
        last = last_verdicts(relations.as_dicts(self._tables["verdicts"]))
        return learnt(last, signal_table.strongest(former), now)

    def _prior(self, now: datetime) -> dict[tuple[str, str], float]:
        """Return what the official alerts that are valid now make more probable."""
        return vigilance.prior(
            self._rows(
                "select phenomenon, level_rank, territory_code from signals_official_alerts"
                " where valid_from <= ? and valid_until > ?",
                now,
                now,
            )
        )

    def _of_days(self, now: datetime, times: Times) -> list[Anomaly]:
        """Return what stands out of the last whole days of the live series."""
        rows = self._rows(
            "select topic_code, platform, territory_code, day, observed, c1_upper, c2_upper, c3_upper,"
            " total_mentions - observed from signals_days"
            " inner join (select topic_code, platform, territory_code, day, total_mentions from signals_totals)"
            " using (topic_code, platform, territory_code, day)"
            " where topic_code <> ? order by topic_code, platform, territory_code, day",
            ALL,
        )
        days = [
            daily.Day(
                Key(topic, "chat_contacts" if platform == live_detection.CHAT else "mentions", platform, place), *rest
            )
            for topic, platform, place, *rest in rows
        ]
        yesterday = streaming.wall_clock(now).date() - timedelta(days=1)
        scores = calibration.scores(self._thresholds(), DAY_MINUTES)
        return daily.detect(_from_the_first(days), yesterday, scores, times=times)

    def _of_the_daily_build(self) -> list[Anomaly]:
        """Return what the last published daily build has found in its series."""
        rows = self._rows(
            "select topic_code, metric, platform, territory_code, bin_start, bin_minutes, observed, expected, upper,"
            " p_value, method, baseline_window, tests from signals_daily_anomalies"
        )
        return [Anomaly(Key(*row[:4]), *row[4:]) for row in rows]

    def _world(self, now: datetime) -> World:
        return World(
            topics=topics.from_rows(self._tables["topics"].select(", ".join(topics.COLUMNS)).fetchall()),
            territories=territories(self._tables["territories"], self._tables["regions"]),
            mentions=self._mentions,
            usual_terms=self._usual_terms(now),
            dismissed=dismissed(relations.as_dicts(self._tables["verdicts"])),
        )

    def _mentions(self, topic: str, territory: str, since: datetime) -> Sequence[Mention]:
        """Return the mentions of a topic in a territory since a moment, and whatever they share, of whenever it is."""
        rows = self._rows(
            f"with own as (select {_MENTION} from signals_texts where mention_id in (select mention_id"  # noqa: S608
            " from signals_mentions where topic_code = ? and published_at >= ?"
            " and (? = 'FR' or region_code = ? or territory_code = ?)))"
            f" select * from own union select {_MENTION} from signals_texts"
            " where mention_id in (select parent_mention_id from own) order by published_at, mention_id",
            topic,
            since,
            territory,
            territory,
            territory,
        )
        return [Mention(*row[:4], row[4] or None, *row[5:]) for row in rows]

    def _usual_terms(self, now: datetime) -> Counter[str]:
        """Return in how many texts of the last 28 days each term was; of very many texts, of as many as say it well."""
        rows = self._rows(
            "select coalesce(title || '. ', '') || coalesce(text, '') from signals_texts where published_at >= ? and"
            " published_at < ? and text is not null order by hash(mention_id) limit ?",
            now - timedelta(days=_USUAL_DAYS),
            now - timedelta(days=1),
            _USUAL_TEXTS,
        )
        return terms_of(text for (text,) in rows)


def nonzero_bins(series: Any) -> pa.Table:
    """Return the bins of a table of live series that are not zero."""
    found = series.filter("mentions > 0").select(", ".join(live_detection.BINS)).to_arrow_table()
    return found.cast(pa.schema(live_detection.BINS))


def daily_series(totals: Any, bounds: Any) -> dict[str, list[daily.Day]]:
    """Return the days of the daily build's series by platform, in the order of series and day.

    Args:
        totals: The model `int_daily_series`, a relation.
        bounds: The model `int_daily_ears`, a relation.
    """
    series = "topic_code, metric, platform, territory_code, day"
    rows = (
        bounds.join(totals.select(f"{series}, total_observed"), series)
        .select(f"{series}, observed, c1_upper, c2_upper, c3_upper, total_observed - observed")
        .order(series)
        .fetchall()
    )
    days_of: dict[str, list[daily.Day]] = {}
    for row in rows:
        key = Key(*row[:4])
        days_of.setdefault(key.platform, []).append(daily.Day(key, *row[4:]))
    return days_of


def territories(places: Any, regions: Any) -> dict[str, Territory]:
    """Return the nation, the regions and the départements by code, each with the one that contains it.

    Args:
        places: The seed `territories`, a relation.
        regions: The seed `regions`, a relation.
    """
    named = regions.select("region_code, region_name").fetchall()
    within = places.select("territory_code, territory_name, region_code").fetchall()
    return {
        FRANCE: Territory(FRANCE, "nation", "France entière", None),
        **{code: Territory(code, "region", name, FRANCE) for code, name in named},
        **{code: Territory(code, "departement", name, region or FRANCE) for code, name, region in within},
    }


def _from_the_first(days: list[daily.Day]) -> list[daily.Day]:
    """Return days from the first on that the networks, or the chat, count anything: before, nothing was loaded."""
    first: dict[str, date] = {}
    for day in days:
        if day.count:
            first[day.key.metric] = min(first.get(day.key.metric, day.day), day.day)
    return [day for day in days if day.key.metric in first and day.day >= first[day.key.metric]]


def dismissed(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """Return when operators dismissed each signal; see `last_verdicts`."""
    return {signal_id: at for signal_id, (at, verdict) in last_verdicts(verdicts).items() if verdict in DISMISSED}
