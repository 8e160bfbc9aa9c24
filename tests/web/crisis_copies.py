"""Published copies with what stands beside a crisis: signals, hours of a topic, a KPI."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from core.settings import Home
from operations.alerts.signals import Signal
from tests.analytics.signalling import publish

HOUR = timedelta(hours=1)
BAND = "topic_code varchar, territory_code varchar, bin_start timestamp, observed double, expected double, upper double"


def publish_beside(home: Home, signals: Sequence[Signal]) -> None:
    """Publish signals, ten hours of the topic `crue` in France and in the Eure, and six months of a KPI."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    with duckdb.connect(str(publish(home, signals))) as live:
        for table, place in (("live_mention_band", "FR"), ("live_crisis_band", "FR-27")):
            live.execute(f"create table signals.{table} ({BAND})")
            for back in range(10):
                values = ["crue", place, hour - back * HOUR, float(10 + back), 4.0, 9.0]
                live.execute(f"insert into signals.{table} values (?, ?, ?, ?, ?, ?)", values)
    folder = home.published / "daily" / "1"
    folder.mkdir(parents=True)
    (folder.parent / "current").symlink_to("1")
    with duckdb.connect(str(folder / "serving.duckdb")) as daily:
        for schema in ("reference", "kpi"):
            daily.execute(f"create schema {schema}")
        daily.execute(
            "create table reference.dim_territory as from (values ('FR-27', 'FR-NOR', 'GN-NOR'),"
            " ('FR-33', 'FR-NAQ', 'GN-NAQ')) t (territory_code, region_code, gendarmerie_region_code)"
        )
        daily.execute("create table kpi.kpi_catalogue as select 'visits' as kpi_code, 'Visites' as label")
        daily.execute(
            "create table kpi.rpt_kpi as select 'visits' as kpi_code, 'month' as period_type, 'FR' as territory_code,"
            " true as is_headline, 'nombre' as unit, date '2026-01-01' + to_months(cast(n as integer)) as period_start,"
            " 'mois ' || (n + 1) as period_label, 100 * n as value from range(6) t (n)"
        )


def publish_mentions(home: Home, signals: Sequence[Signal] = ()) -> None:
    """Publish ten mentions of today: three of the Eure, two of them on floods; seven of the Gironde, one of them."""
    publish_beside(home, signals)
    of_the_eure = ["La crue monte", "Alerte crue à Évreux", "Bonne journée"]
    texts = {"FR-27": of_the_eure, "FR-33": ["Crue en Gironde", *"abcdef"]}
    rows = [(datetime.now(UTC).date(), text, place) for place, those in texts.items() for text in those]
    with duckdb.connect(str((home.published / "live/current/live_serving.duckdb").resolve())) as live:
        live.execute("create schema visibility")
        live.execute(
            "create table visibility.live_mention (published_on date, published_at timestamp, title varchar,"
            " text varchar, topics varchar, territory_code varchar)"
        )
        live.executemany("insert into visibility.live_mention values (?, now(), null, ?, null, ?)", rows)
