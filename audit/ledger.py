"""The append-only ledger: what each publication changed, chained and signed.

One folder per publication, `000017-<publication id>`: `changes.parquet`, `publication.json`, `head.json`. It gets
its name in one step when all three are on the disk: a publication that dies before has left no trace.
Publications of before the signatures have an HMAC seal instead, and each of their rows an HMAC: see decision 24.
"""

import hashlib
import hmac
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from audit import keyring, signing
from audit.evidence import hmac_of, pads
from core import settings
from core.content_store import canonical, digest_of, flush
from core.errors import ExpectedFailure
from core.settings import Home
from core.sql import literal

NO_HEAD = "0" * 64
CHANGES, PUBLICATION, HEAD = "changes.parquet", "publication.json", "head.json"
#: In the ledger's folder: the copies that an erasure has rewritten; see `rewriting`.
REWRITTEN = "rewritten.jsonl"
KIND = "publication"
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
_FACTS = {
    "sequence": int,
    "publication_id": str,
    "published_at": str,
    "code_version": str,
    "manifest": str,
    "changes": int,
}
_SHA256 = re.compile(r"[0-9a-f]{64}")

#: A row's digest is cut to sixteen bytes: enough to name one row, and half the size.
_DIGEST_DIGITS = 32


class DamagedPublicationError(ExpectedFailure):
    """A folder of the ledger is no publication, or no longer one."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder.name} : inséré ou abîmé, ce n'est pas une publication du registre ({reason}).",
            "`cyberimpact audit verify` examine tout le registre.",
        )


@dataclass(frozen=True)
class Entry:
    """One publication in the ledger.

    Attributes:
        sequence: 1 for the first.
        folder: Where it lies.
        facts: `publication.json`.
        former: The former head.
        head: Digest over the former head and this publication's files; empty until `finish` has made it.
        key: Fingerprint of the key that signed the head; None where there was no key.
        signature: The signature, in hexadecimal digits.
        seal: HMAC of the head, in publications of before the signatures.
    """

    sequence: int
    folder: Path
    facts: Mapping[str, Any]
    former: str
    head: str = ""
    key: str | None = None
    signature: str | None = None
    seal: str | None = None

    @property
    def publication_id(self) -> str:
        return self.facts["publication_id"]

    @property
    def published_at(self) -> datetime:
        return datetime.fromisoformat(self.facts["published_at"])

    @property
    def reference(self) -> str:
        """The head with its sequence number, as auditors get it."""
        return f"{self.sequence}:{self.head}"

    @property
    def copy(self) -> Mapping[str, Any] | None:
        """What was signed of the published copy (`copy_digests.of_copy`); None before copies were signed."""
        return self.facts.get("copy")

    @property
    def is_sealed(self) -> bool:
        """Whether it has a signature or a seal, verified or not."""
        return bool(self.signature or self.seal)


def audit_key() -> str | None:
    """Return the key of the HMAC seals of before the signatures, None where there is none."""
    return settings.get("CYBERIMPACT_AUDIT_KEY")


def seal_of(head: str, key: str) -> str:
    return hmac.new(key.encode(), head.encode(), hashlib.sha256).hexdigest()


def head_of(former: str, folder: Path) -> str:
    """Return the head that a publication's files and the former head make."""
    files = {name: digest_of(folder / name) for name in (CHANGES, PUBLICATION)}
    return hashlib.sha256(canonical({"former": former, "files": files})).hexdigest()


def folders(home: Home) -> list[Path]:
    if not home.ledger.is_dir():
        return []
    records = (keyring.RECORD, REWRITTEN)
    return sorted(path for path in home.ledger.iterdir() if not path.name.startswith(".") and path.name not in records)


def read(folder: Path) -> Entry:
    """Return one publication as its files describe it, without asking whether they are true.

    Raises:
        DamagedPublicationError: its files describe none.
    """
    try:
        facts = _checked_facts(json.loads((folder / PUBLICATION).read_bytes()))
        head = json.loads((folder / HEAD).read_bytes())
        return Entry(
            sequence=int(folder.name.partition("-")[0]),
            folder=folder,
            facts=facts,
            former=_sha256(head["former"]),
            head=_sha256(head["head"]),
            **{name: _text(head.get(name)) for name in ("key", "signature", "seal")},
        )
    except OSError as problem:
        raise DamagedPublicationError(folder, problem.strerror or "illisible") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedPublicationError(folder, "contenu mal formé") from None


def _checked_facts(facts: Any) -> Mapping[str, Any]:
    if not all(isinstance(facts[name], kind) for name, kind in _FACTS.items()):
        raise TypeError(facts)
    if datetime.fromisoformat(facts["published_at"]).tzinfo is None:
        raise ValueError(facts["published_at"])
    _sha256(facts["manifest"])
    if facts.get("copy") is not None:
        check_copy(facts["copy"])
    return facts


def check_copy(copy: Any) -> None:
    """Check that a JSON value is what `copy_digests.of_copy` gives.

    Raises:
        ValueError: it is not; `TypeError`, `KeyError` and `AttributeError` say the same.
    """
    _sha256(copy["sha256"]), _text(copy["duckdb"])
    for table in copy["tables"].values():
        _sha256(table["digest"])
        if not isinstance(table["rows"], int):
            raise TypeError(table)


def _sha256(text: Any) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError(text)
    return text


def _text(value: Any) -> str | None:
    if not isinstance(value, str | None):
        raise TypeError(value)
    return value


def entries(home: Home) -> list[Entry]:
    """Return every publication, first to last.

    Raises:
        DamagedPublicationError: one of them is none.
    """
    return [read(folder) for folder in folders(home)]


def readable(home: Home) -> tuple[list[Entry], list[DamagedPublicationError]]:
    """Return the readable publications, first to last, and the problems of the others."""
    found, damaged = [], []
    for folder in folders(home):
        try:
            found.append(read(folder))
        except DamagedPublicationError as damage:
            damaged.append(damage)
    return found, damaged


def current_head(home: Home) -> str | None:
    """Return the head of a home's ledger, None where nothing was published."""
    known, _ = readable(home)
    return known[-1].reference if known else None


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
) -> Entry:
    """Write what a publication changes, beside the ledger; `finish` and `commit` make it part of it.

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
    sequence = next_sequence(known)
    partial = home.ledger / f".{sequence:06}-{facts['publication_id']}.partial"
    partial.mkdir()
    rows = write_changes(connection, known, values, partial / CHANGES)
    return Entry(
        sequence, partial, {**facts, "sequence": sequence, "changes": rows}, known[-1].head if known else NO_HEAD
    )


def finish(draft: Entry, copy: Mapping[str, Any] | None = None) -> Entry:
    """Write facts and head of a prepared publication, signed where there is a key.

    Args:
        draft: What `prepare` has returned.
        copy: Digests of the copy that readers will see, if there is one.
    """
    facts = {**draft.facts, "copy": copy} if copy else draft.facts
    (draft.folder / PUBLICATION).write_bytes(canonical(facts))
    head = head_of(draft.former, draft.folder)
    key = signing.private_key()
    signed = signing.sign(key, KIND, {"head": head}) if key else {"key": None, "signature": None}
    (draft.folder / HEAD).write_bytes(canonical({"head": head, "former": draft.former, **signed}))
    for path in (*draft.folder.iterdir(), draft.folder):
        flush(path)
    return replace(draft, facts=facts, head=head, **signed)


def next_sequence(known: list[Entry]) -> int:
    return known[-1].sequence + 1 if known else 1


def commit(finished: Entry) -> Entry:
    """Make a finished publication part of the ledger, in one step."""
    folder = finished.folder.with_name(finished.folder.name.removeprefix(".").removesuffix(".partial"))
    finished.folder.rename(folder)
    flush(folder.parent)
    return replace(finished, folder=folder)


def write_changes(connection: duckdb.DuckDBPyConnection, known: list[Entry], values: str, target: Path) -> int:
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
    digested = f"select *, {row_digest()} as digest from changed order by position"  # noqa: S608
    connection.sql(digested).write_parquet(str(target), compression="zstd")
    [(rows,)] = connection.execute("select count(position) from changed").fetchall()
    return rows


def row_digest(key: str | None = None) -> str:
    """Return the SQL of the digest of a row of changes; with a key, as publications before the signatures have it."""
    columns = ("publication", "position", *COORDINATES, *FIGURES, "change")
    texts = ", ".join(f"coalesce({name}::varchar, chr(30))" for name in columns)
    text = f"concat_ws(chr(31), {texts})"
    digest = hmac_of(text) if key else f"sha256({text})"
    return f"unhex(left({digest}, {_DIGEST_DIGITS}))"


def pad_parameters(key: str | None) -> dict[str, bytes]:
    if not key:
        return {}
    outer, inner = pads(key)
    return {"outer": outer, "inner": inner}
