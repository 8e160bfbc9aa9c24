"""A published live copy with signals of our own making, and who receives their alerts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from core.settings import CHECKOUT, Home
from operations.alerts.signals import COLUMNS, Signal

CONTRACTS = CHECKOUT / "dbt_project" / "models" / "live" / "signals"

FLOOD = Signal(
    signal_id="5f2d7c1e90ab44d1",
    topic_code="crue",
    topic_label="Crue",
    crisis_kind="climatique",
    territory_code="FR-27",
    territory_level="departement",
    territory_label="Eure",
    kind="sudden",
    kind_label="Hausse soudaine",
    severity=3,
    probability=0.9987,
    status="open",
    opened_at=datetime(2026, 11, 24, 18, 5, tzinfo=UTC),
    updated_at=datetime(2026, 11, 24, 18, 20, tzinfo=UTC),
    closed_at=None,
    observed=42.0,
    expected=2.4,
    upper=9.0,
    baseline_window="28 jours",
    ratio=17.5,
    velocity=3.0,
    reach=125000,
    spread=2,
    novelty=6.1,
    negative_share=0.62,
    explanation="Les mentions de « Crue » dans l'Eure sont 17 fois plus nombreuses que d'habitude.",
    examples=(
        {
            "text": "Crue à Évreux, la <départementale> est fermée",
            "platform": "x",
            "published_at": datetime(2026, 11, 24, 18, 7, tzinfo=UTC),
        },
    ),
    terms=("iton", "évacuation"),
    sources=({"source": "presse-evreux.example", "mentions": 12, "reach": 90000},),
)
ENTRY: dict[str, Any] = {
    "recipient": "permanence-veille",
    "role": "veille",
    "channel": "mail",
    "address": "permanence@unite.example",
    "wants": ["signals"],
}

TABLES = {
    "live_signal_evidence": "signal_id varchar, series varchar, metric varchar, platform varchar,"
    " territory_code varchar, bin_start timestamp, bin_minutes integer, observed double, expected double,"
    " upper double, score double, metric_label varchar, platform_label varchar, place_label varchar",
    "live_signal_term": "signal_id varchar, rank integer, term varchar, log_odds double",
    "live_signal_example": "signal_id varchar, rank integer, text varchar, platform varchar, published_at timestamp",
    "live_signal_source": "signal_id varchar, rank integer, source varchar, mentions bigint, reach bigint",
}
SIGNAL_TYPES = {
    "severity": "integer",
    "spread": "integer",
    "reach": "bigint",
    **dict.fromkeys(("opened_at", "updated_at", "closed_at"), "timestamp"),
    **dict.fromkeys(
        ("probability", "observed", "expected", "upper", "ratio", "velocity", "novelty", "negative_share"), "double"
    ),
}


def publish(home: Home, signals: Sequence[Signal], build: str = "1") -> Path:
    """Make a live copy that holds these signals the current one, and return its file."""
    folder = home.published / "live" / build
    folder.mkdir(parents=True)
    file = folder / "live_serving.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema signals")
        columns = ", ".join(f"{name} {SIGNAL_TYPES.get(name, 'varchar')}" for name in COLUMNS)
        connection.execute(f"create table signals.live_signal ({columns})")
        for name, of in TABLES.items():
            connection.execute(f"create table signals.{name} ({of})")
        for signal in signals:
            _insert(connection, "live_signal", [_plain(getattr(signal, name)) for name in COLUMNS])
            for rank, term in enumerate(signal.terms, 1):
                _insert(connection, "live_signal_term", [signal.signal_id, rank, term, 5.0 - rank])
            for rank, example in enumerate(signal.examples, 1):
                values = [signal.signal_id, rank, example["text"], example["platform"], _plain(example["published_at"])]
                _insert(connection, "live_signal_example", values)
            for rank, source in enumerate(signal.sources, 1):
                values = [signal.signal_id, rank, source["source"], source["mentions"], source["reach"]]
                _insert(connection, "live_signal_source", values)
            for alarm in signal.evidence:
                _insert(connection, "live_signal_evidence", [signal.signal_id, *map(_plain, alarm.values())])
    link = folder.parent / f".current.{build}"
    link.symlink_to(build)
    link.replace(folder.parent / "current")
    return file


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _insert(connection: duckdb.DuckDBPyConnection, table: str, values: list[Any]) -> None:
    connection.execute(f"insert into signals.{table} values ({', '.join('?' * len(values))})", values)


def other(number: int, **changes: Any) -> Signal:
    """Return a signal like `FLOOD` that is another one."""
    return replace(FLOOD, signal_id=f"{number:016d}", **changes)


def subscribe(monkeypatch: pytest.MonkeyPatch, home: Home, *entries: dict[str, Any]) -> None:
    """Declare who receives alerts."""
    home.root.mkdir(parents=True, exist_ok=True)
    path = home.root / "subscriptions.yml"
    path.write_text(yaml.safe_dump({"subscriptions": list(entries)}), encoding="utf-8")
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(path))
