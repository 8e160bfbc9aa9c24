"""A home with a published live copy of some signals, and a daily copy of what stands around them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from core.settings import Home
from operations.alerts.signals import Signal
from tests.analytics.signalling import other, publish

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def alarm(place: str, label: str, observed: float) -> dict[str, object]:
    """Return a value that surprised, in the order of the columns of the copy."""
    return {
        "series": f"crue|mentions|{place}",
        "metric": "mentions",
        "platform": "listening",
        "territory_code": place,
        "bin_start": now() - 2 * HOUR,
        "bin_minutes": 60,
        "observed": observed,
        "expected": 2.0,
        "upper": 9.0,
        "score": 6.0,
        "metric_label": "mentions",
        "platform_label": "Veille",
        "place_label": label,
    }


def signal(number: int, place: str = "FR-33", label: str = "Gironde", severity: int = 3, **changes: object) -> Signal:
    """Return an open signal of two hours ago."""
    level = "nation" if place == "FR" else "departement" if place[3:].isdigit() else "region"
    facts = {
        "territory_code": place,
        "territory_label": label,
        "territory_level": level,
        "severity": severity,
        "opened_at": now() - 2 * HOUR,
        "updated_at": now() - HOUR,
        "evidence": (alarm(place, label, 42.0),),
    }
    return other(number, **facts | changes)


def closed(number: int, **changes: object) -> Signal:
    """Return a signal that was closed an hour ago."""
    return signal(number, **{"status": "closed", "closed_at": now() - HOUR} | changes)  # ty: ignore[invalid-argument-type]


def publish_watch(
    home: Home, signals: Sequence[Signal], build: str = "1", *, loaded_at: datetime | None = None, band: bool = True
) -> None:
    """Publish a live copy with its state and hours of the topic `crue`, and the daily copy before the first one.

    Args:
        home: The home.
        signals: What the live copy holds.
        build: Name of the build.
        loaded_at: When listening was last loaded; now by default. It is late after half an hour.
        band: Whether the hours of the topic are known.
    """
    if not (home.published / "daily" / "current").exists():
        _publish_daily(home)
    file = publish(home, signals, build)
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "create table signals.live_state (platform varchar, platform_label varchar, data_until timestamp,"
            " last_loaded_at timestamp, late_after_minutes integer, built_at timestamp)"
        )
        at = _plain(loaded_at or datetime.now(UTC))
        connection.execute("insert into signals.live_state values ('listening', 'Veille', ?, ?, 30, ?)", [at, at, at])
        connection.execute(
            "create table signals.live_mention_band (topic_code varchar, topic_label varchar, territory_code varchar,"
            " territory_label varchar, bin_start timestamp, observed double, expected double, upper double)"
        )
        for hours in range(3, 0, -1) if band else ():
            for place, label in (("FR", "France entière"), ("FR-NAQ", "Nouvelle-Aquitaine")):
                for topic in ("crue", "ensemble"):
                    values = [topic, topic, place, label, _plain(now() - hours * HOUR), 10.0 * hours, 4.0, 9.0]
                    connection.execute("insert into signals.live_mention_band values (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _publish_daily(home: Home) -> None:
    folder = home.published / "daily" / "1"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "serving.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema reference; create schema signals")
        connection.execute("""
            create table reference.dim_territory as
            select * from (values
                ('FR', 'nation', 'France entière', null, null),
                ('FR-NAQ', 'region', 'Nouvelle-Aquitaine', null, null),
                ('FR-33', 'departement', 'Gironde', 'FR-NAQ', 'GN-NAQ'),
                ('FR-40', 'departement', 'Landes', 'FR-NAQ', 'GN-NAQ'),
                ('FR-27', 'departement', 'Eure', 'FR-NOR', 'GN-NOR')
            ) as of(territory_code, territory_level, territory_name, region_code, gendarmerie_region_code)
        """)
        connection.execute("""
            create table signals.fct_official_alert (
                source varchar, vigilance_level varchar, level_rank integer, source_level varchar, phenomenon varchar,
                territory_code varchar, territory_name varchar, valid_from timestamp, valid_until timestamp,
                issued_at timestamp, title varchar
            )
        """)
        begun, ended = _plain(now() - 6 * HOUR), _plain(now() + 6 * HOUR)
        for values in (
            ["vigicrues", "orange", 3, "3", "crues", "FR-33", "Gironde", begun, ended, begun, "Garonne en crue"],
            ["meteo_france", "vert", 1, "1", "orages", "FR-33", "Gironde", begun, ended, begun, "Rien"],
            ["meteo_france", "rouge", 4, "4", "vent", "FR-27", "Eure", begun, ended, begun, "Tempête"],
            ["meteo_france", "jaune", 2, "2", "neige", "FR-33", "Gironde", begun, begun, begun, "Passée"],
        ):
            connection.execute(f"insert into signals.fct_official_alert values ({', '.join('?' * 11)})", values)
    (folder.parent / "current").symlink_to("1")


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
