"""Reads signals and their evidence from the published live copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from core.errors import ExpectedFailure
from core.settings import Home
from warehouse import published

COLUMNS = (
    "signal_id", "topic_code", "topic_label", "crisis_kind", "territory_code", "territory_level", "territory_label",
    "kind", "kind_label", "severity", "probability", "status", "opened_at", "updated_at", "closed_at", "observed",
    "expected", "upper", "baseline_window", "ratio", "velocity", "reach", "spread", "novelty", "negative_share",
    "explanation",
)  # fmt: skip


@dataclass(frozen=True)
class Signal:
    """A row of `signals.live_signal`, whose columns these are, with what explains it.

    Attributes:
        examples: Redacted texts of mentions, with `platform` and `published_at`.
        terms: What is newly said, the newest first.
        sources: Sites or networks with `mentions` and `reach`, the greatest first.
        evidence: Values that surprised, series by series.
    """

    signal_id: str
    topic_code: str
    topic_label: str
    crisis_kind: str
    territory_code: str
    territory_level: str
    territory_label: str
    kind: str
    kind_label: str
    severity: int
    probability: float
    status: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    observed: float
    expected: float
    upper: float
    baseline_window: str
    ratio: float
    velocity: float | None
    reach: int | None
    spread: int
    novelty: float | None
    negative_share: float | None
    explanation: str
    examples: Sequence[Mapping[str, Any]] = field(default=())
    terms: Sequence[str] = field(default=())
    sources: Sequence[Mapping[str, Any]] = field(default=())
    evidence: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def is_open(self) -> bool:
        """Whether it alerts; what is only watched does not."""
        return self.status == "open"

    @property
    def is_watched(self) -> bool:
        return self.status == "watch"


def read(home: Home, *, signal_id: str | None = None) -> list[Signal]:
    """Return the signals that were published, the gravest and latest first; none before there were any.

    Args:
        home: The home.
        signal_id: Only this one, with all of its evidence.
    """
    if published.current(home, published.LIVE) is None:
        return []
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        published.attach(connection, home, published.LIVE)
        return read_from(connection, signal_id)


def read_from(connection: duckdb.DuckDBPyConnection, signal_id: str | None = None) -> list[Signal]:
    """Return the signals of a live copy that is attached, in the order of `read`; none before there were any."""
    try:
        found = _rows(connection, "live_signal", signal_id, "severity desc, opened_at desc, signal_id")
        parts = {
            name: _rows(connection, f"live_signal_{name}", signal_id, order)
            for name, order in (
                ("example", "rank"),
                ("term", "rank"),
                ("source", "rank"),
                ("evidence", "bin_start, series"),
            )
        }
    except (duckdb.CatalogException, duckdb.BinderException):
        return []  # no live copy is there, or it was published before there were signals
    return [
        Signal(
            **{name: _instant(row[name]) for name in COLUMNS},
            examples=_of(row, parts["example"]),
            terms=tuple(part["term"] for part in _of(row, parts["term"])),
            sources=_of(row, parts["source"]),
            evidence=_of(row, parts["evidence"]),
        )
        for row in found
    ]


def find(home: Home, signal_id: str) -> Signal:
    """Return one signal; the beginning of its identifier is enough where no other begins so.

    Raises:
        ExpectedFailure: no published signal, or more than one, has an identifier that begins so.
    """
    found = [signal for signal in read(home) if signal.signal_id.startswith(signal_id)] if signal_id else []
    if len(found) != 1:
        what = "Aucun signal publié ne porte" if not found else f"{len(found)} signaux portent"
        raise ExpectedFailure(f"{what} l'identifiant {signal_id!r}.", "Voir `cyberimpact signal list --all`.")
    return found[0]


def _rows(connection: duckdb.DuckDBPyConnection, table: str, signal_id: str | None, order: str) -> list[dict[str, Any]]:
    result = connection.execute(
        f"from live_serving.signals.{table} where $1 is null or signal_id = $1 order by {order}",
        [signal_id],
    )
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, map(_instant, row), strict=True)) for row in result.fetchall()]


def _instant(value: Any) -> Any:
    """Return a time as an instant: the copy keeps UTC without a zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _of(row: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(part for part in parts if part["signal_id"] == row["signal_id"])
