"""The append-only ledger: what each publication changed, chained and sealed. Whether it was tampered with: `verifying`.

One folder per publication, `000017-<publication id>`: `changes.parquet`, `publication.json`, `head.json`. It gets
its name in one step when all three are on the disk: a publication that dies before has left no trace.
"""

import hashlib
import hmac
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from audit.evidence import hmac_of, pads
from audit.objects import canonical, digest_of, flush
from ingestion import settings
from ingestion.settings import Home
from ingestion.sql import literal

NO_HEAD = "0" * 64
CHANGES, PUBLICATION, HEAD = "changes.parquet", "publication.json", "head.json"
COORDINATES = (
    "kpi_code",
    "period_type",
    "period_start",
    "territory_level",
    "territory_code",
    "breakdown_dimension",
    "breakdown_value",
)
FIGURES = ("numerator", "denominator", "value", "observations", "is_suppressed")
_COLUMNS = ", ".join((*COORDINATES, *FIGURES))
_CELL = ", ".join(COORDINATES)

#: A row's digest is cut to sixteen bytes: enough for a seal of one row, and half the size.
_DIGEST_DIGITS = 32


@dataclass(frozen=True)
class Entry:
    """One publication in the ledger.

    Attributes:
        sequence: 1 for the first.
        folder: Where it lies.
        facts: `publication.json`.
        head: Digest over the former head and this publication's files.
        former: The former head.
        seal: HMAC of the head; None where there was no key.
    """

    sequence: int
    folder: Path
    facts: Mapping[str, Any]
    head: str
    former: str
    seal: str | None

    @property
    def publication_id(self) -> str:
        return self.facts["publication_id"]

    @property
    def published_at(self) -> datetime:
        return datetime.fromisoformat(self.facts["published_at"])

    @property
    def reference(self) -> str:
        """The head as it is handed to an auditor, with its place in the chain."""
        return f"{self.sequence}:{self.head}"


def audit_key() -> str | None:
    """Return the key that seals publications, None where there is none."""
    return settings.get("CYBERIMPACT_AUDIT_KEY")


def seal_of(head: str, key: str) -> str:
    return hmac.new(key.encode(), head.encode(), hashlib.sha256).hexdigest()


def head_of(former: str, folder: Path) -> str:
    """Return the head that a publication's files and the former head make."""
    files = {name: digest_of(folder / name) for name in (CHANGES, PUBLICATION)}
    return hashlib.sha256(canonical({"former": former, "files": files})).hexdigest()


def folders(home: Home) -> list[Path]:
    """Return the folders of the ledger, in their order."""
    if not home.ledger.is_dir():
        return []
    return sorted(path for path in home.ledger.iterdir() if not path.name.startswith("."))


def read(folder: Path) -> Entry:
    """Return one publication, also a prepared one, as its files tell it, without asking whether they are true."""
    head = json.loads((folder / HEAD).read_bytes())
    return Entry(
        sequence=int(folder.name.lstrip(".").partition("-")[0]),
        folder=folder,
        facts=json.loads((folder / PUBLICATION).read_bytes()),
        head=head["head"],
        former=head["former"],
        seal=head["seal"],
    )


def entries(home: Home) -> list[Entry]:
    """Return every publication, first to last."""
    return [read(folder) for folder in folders(home)]


def changes(known: list[Entry]) -> str:
    """Return the SQL of every change that publications made."""
    listed = ", ".join(literal(str(entry.folder / CHANGES)) for entry in known)
    return f"(select * from read_parquet([{listed}]))"  # noqa: S608


def state(known: list[Entry]) -> str:
    """Return the SQL of the rows that were shown after these publications: the last change of each cell."""
    return f"""(
        select {_COLUMNS}
        from {changes(known)}
        qualify row_number() over (partition by {_CELL} order by publication desc) = 1 and change <> 'removed'
    )"""  # noqa: S608


def prepare(
    connection: duckdb.DuckDBPyConnection, home: Home, facts: Mapping[str, Any], values: str = "warehouse.kpi.kpi_value"
) -> Path:
    """Write what a publication changes, beside the ledger; `commit` makes it part of it.

    Args:
        connection: Has the new values.
        home: The home.
        facts: What is to be known of the publication: `publication_id`, `published_at` and more.
        values: The table of the new values.
    """
    home.ledger.mkdir(parents=True, exist_ok=True)
    for leftover in home.ledger.glob(".*.partial"):
        shutil.rmtree(leftover)
    known = entries(home)
    former = known[-1] if known else None
    sequence = next_sequence(known)
    partial = home.ledger / f".{sequence:06}-{facts['publication_id']}.partial"
    partial.mkdir()
    key = audit_key()
    rows = write_changes(connection, known, values, partial / CHANGES, key)
    (partial / PUBLICATION).write_bytes(canonical({**facts, "sequence": sequence, "changes": rows}))
    head = head_of(former.head if former else NO_HEAD, partial)
    (partial / HEAD).write_bytes(
        canonical(
            {
                "head": head,
                "former": former.head if former else NO_HEAD,
                "seal": seal_of(head, key) if key else None,
            }
        )
    )
    for path in (*partial.iterdir(), partial):
        flush(path)
    return partial


def next_sequence(known: list[Entry]) -> int:
    return known[-1].sequence + 1 if known else 1


def commit(partial: Path) -> Entry:
    """Make a prepared publication part of the ledger, in one step."""
    folder = partial.with_name(partial.name.removeprefix(".").removesuffix(".partial"))
    partial.rename(folder)
    flush(folder.parent)
    return read(folder)


def write_changes(
    connection: duckdb.DuckDBPyConnection, known: list[Entry], values: str, target: Path, key: str | None
) -> int:
    """Write the rows that differ from those of the ledger, each with its place and digest, and return their number."""
    sequence = next_sequence(known)
    nothing = f"(select {_COLUMNS} from {values} limit 0)"  # noqa: S608
    former = state(known) if known else nothing
    connection.execute(
        f"""
        create or replace temp table changed as
        with new_rows as (select {_COLUMNS} from {values}), former_rows as (select {_COLUMNS} from {former})
        select
            {sequence}::bigint as publication,
            row_number() over (order by {_CELL}) as position,
            *
        from (
            select
                {", ".join(f"coalesce(n.{name}, f.{name}) as {name}" for name in COORDINATES)},
                {", ".join(f"n.{name}" for name in FIGURES)},
                case when f.kpi_code is null then 'added' when n.kpi_code is null then 'removed' else 'changed' end
                    as change
            from new_rows as n
            full join former_rows as f on {" and ".join(f"n.{name} = f.{name}" for name in COORDINATES)}
            where
                f.kpi_code is null
                or n.kpi_code is null
                or {" or ".join(f"n.{name} is distinct from f.{name}" for name in FIGURES)}
        )
        """  # noqa: S608
    )
    connection.execute(
        f"create or replace temp table signed as select *, {row_digest(key)} as digest from changed",  # noqa: S608
        pad_parameters(key),
    )
    connection.table("signed").order("position").write_parquet(str(target), compression="zstd")
    [(rows,)] = connection.execute("select count(position) from signed").fetchall()
    return rows


def row_digest(key: str | None) -> str:
    """Return the SQL of the digest of a row of changes: keyed where there is a key, so that nobody else can make it."""
    columns = ("publication", "position", *COORDINATES, *FIGURES, "change")
    texts = ", ".join(f"coalesce({name}::varchar, chr(30))" for name in columns)
    text = f"concat_ws(chr(31), {texts})"
    whole = hmac_of(text) if key else f"sha256({text})"
    return f"unhex(left({whole}, {_DIGEST_DIGITS}))"


def pad_parameters(key: str | None) -> dict[str, bytes]:
    if not key:
        return {}
    outer, inner = pads(key)
    return {"outer": outer, "inner": inner}
