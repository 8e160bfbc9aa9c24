"""Writes what may be published into a folder, and checks that a folder is as it was written."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pyarrow import parquet

from audit import ledger, signing
from core.content_store import digest_of
from core.errors import ExpectedFailure
from core.settings import Home
from opendata import dcat, declaration, readme, tables
from opendata.declaration import Dataset, Declaration
from opendata.tables import Row
from warehouse import published

KIND = "opendata"
CATALOGUE, SUMS, SIGNATURE = "catalogue.jsonld", "SHA256SUMS", "signature.json"
README, TABLE_SCHEMA = "LISEZMOI.md", "schema.json"

_TYPES = {pa.string(): "string", pa.date32(): "date", pa.int64(): "integer", pa.bool_(): "boolean"}
_PUBLICATION = "select publication_id, published_at, data_as_of from audit.publication"
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


class UnsignedError(ExpectedFailure):
    """None of some keys has signed a folder."""


def build(home: Home, folder: Path) -> list[str]:
    """Write the datasets of the signed list into a folder, from the current publication, and return their names.

    The same publication and list give the same bytes. The folder appears when all is written; it replaces one that an
    earlier build has written, and nothing else.

    Args:
        home: Its published copy is read.
        folder: Where they are written.

    Raises:
        ExpectedFailure: the list is not signed, nothing is published, a KPI is not public, or the folder is another's.
    """
    declared = declaration.signed(home)
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not _is_of_a_build(folder))):
        raise ExpectedFailure(f"{folder} contient autre chose.", "Donnez un dossier vide ou nouveau.")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _write(home, declared, partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as problem:
        raise ExpectedFailure(
            f"{folder} ne peut pas être écrit : {problem.strerror}.", "Donnez un autre dossier."
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [dataset.slug for dataset in declared.datasets]


def _write(home: Home, declared: Declaration, folder: Path) -> None:
    with published.connect(home) as connection:
        (publication,) = connection.execute(_PUBLICATION).to_arrow_table().to_pylist()
        described = []
        for dataset in declared.datasets:
            definitions, rows = tables.definitions(connection, dataset), tables.table(connection, dataset)
            hidden = sum(rows.column("secret").to_pylist())
            shown = {"publication_id": publication["publication_id"], "rows": rows.num_rows, "hidden": hidden}
            page = readme.page(dataset, declared, definitions, **shown)
            described.append(_write_dataset(folder / dataset.slug, dataset, rows, page, publication["published_at"]))
    _write_json(folder / CATALOGUE, dcat.catalogue(declared, described))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = "".join(f"{digest_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / SUMS).write_text(sums, encoding="utf-8")
    _write_json(folder / SIGNATURE, _signature(home, declared, publication, hashlib.sha256(sums.encode()).hexdigest()))


def _write_dataset(folder: Path, dataset: Dataset, rows: pa.Table, page: str, published_at: datetime) -> dcat.Described:
    folder.mkdir()
    (folder / f"{dataset.slug}.csv").write_text(_csv(rows), encoding="utf-8", newline="")
    parquet.write_table(rows, folder / f"{dataset.slug}.parquet", compression="zstd")
    _write_json(folder / TABLE_SCHEMA, table_schema(dataset))
    (folder / README).write_text(page, encoding="utf-8")
    data = [folder / f"{dataset.slug}.{suffix}" for suffix in dcat.FORMS]
    files = [dcat.Distribution(path.name, digest_of(path), path.stat().st_size) for path in data]
    periods = [(row["debut_periode"], row["type_periode"]) for row in rows.to_pylist()]
    first = min((start for start, _ in periods), default=None)
    last = max((_last_day(start, kind) for start, kind in periods), default=None)
    return dcat.Described(dataset, files, first, last, published_at)


def _last_day(start: date, period_type: str) -> date:
    months = start.month - 1 + _MONTHS[period_type]
    return start.replace(year=start.year + months // 12, month=months % 12 + 1) - timedelta(days=1)


def _csv(rows: pa.Table) -> str:
    """Return rows as CSV with comma and point; an empty cell has no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(rows.column_names)
    for row in rows.to_pylist():
        writer.writerow(str(value).lower() if isinstance(value, bool) else value for value in row.values())
    return text.getvalue()


def table_schema(dataset: Dataset) -> dict[str, Any]:
    """Return the Table Schema of the CSV of a dataset."""
    fields = [
        {
            "name": field.name,
            "type": _TYPES.get(field.type, "number"),
            "description": tables.DESCRIPTIONS[field.name],
            "constraints": {"required": not field.nullable},
        }
        for field in tables.SCHEMA
    ]
    return {
        "name": dataset.slug,
        "title": dataset.title,
        "fields": fields,
        "primaryKey": list(tables.KEY),
        "missingValues": [""],
    }


def _signature(home: Home, declared: Declaration, publication: Row, sums: str) -> dict[str, Any]:
    """Return what is signed of a folder, with the publication as the ledger has it."""
    entry = next((e for e in reversed(ledger.entries(home)) if e.publication_id == publication["publication_id"]), None)
    recorded = entry and {
        "sequence": entry.sequence,
        "head": entry.head,
        "key": entry.key,
        "signature": entry.signature,
    }
    content = {
        "publication_id": publication["publication_id"],
        "published_at": publication["published_at"].isoformat(),
        "ledger": recorded,
        "list": {"sha256": declared.sha256, "signed_by": declared.signed_by, "signed_at": declared.signed_at},
        SUMS: sums,
    }
    key = signing.private_key()
    return {"content": content, **(signing.sign(key, KIND, content) if key else {"key": None, "signature": None})}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def check(folder: Path, keys: list[Ed25519PublicKey] | None = None) -> dict[str, Any]:
    """Return what a folder's signature says of it.

    Args:
        folder: What `build` has written.
        keys: Public keys, one of which must have signed it; None where the signature is not asked for.

    Raises:
        ExpectedFailure: a file was changed, added or removed, or no key has signed it.
    """
    problems = list(_problems(folder))
    if problems:
        raise ExpectedFailure(
            f"{folder} n'est plus tel qu'il a été écrit : {', '.join(problems)}.", "Reconstruisez-le."
        )
    try:
        signed = json.loads((folder / SIGNATURE).read_bytes())
        content, sums = signed["content"], signed["content"][SUMS]
    except (ValueError, KeyError, TypeError):
        raise ExpectedFailure(f"{folder} : {SIGNATURE} n'est pas une signature.", "Reconstruisez-le.") from None
    if sums != digest_of(folder / SUMS):
        raise ExpectedFailure(f"{folder} : {SUMS} a changé depuis la signature.", "Reconstruisez-le.")
    if keys is not None and not any(
        signed.get("signature") and signing.is_valid(key, KIND, content, str(signed["signature"])) for key in keys
    ):
        raise UnsignedError(f"{folder} n'est signé par aucune de ces clés.", "Demandez la clé publique à l'auditeur.")
    return content


def _listed(folder: Path) -> dict[str, str] | None:
    """Return the digests of the files by name, as a build has written them down; None where it cannot be read."""
    try:
        return dict(reversed(line.split("  ", 1)) for line in (folder / SUMS).read_text("utf-8").splitlines())
    except (OSError, ValueError):
        return None


def _present(folder: Path) -> set[str]:
    """Return the names of the files that are there, links to whatever included."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in found} - {SUMS, SIGNATURE}


def _is_of_a_build(folder: Path) -> bool:
    """Return whether a folder holds nothing but what a build has written, be it changed meanwhile."""
    listed = _listed(folder)
    return listed is not None and (folder / SIGNATURE).is_file() and _present(folder) <= listed.keys()


def _problems(folder: Path) -> Iterator[str]:
    listed, present = _listed(folder), _present(folder)
    if listed is None:
        yield f"{SUMS} manque ou est illisible"
        return
    yield from (f"{name} manque" for name in sorted(listed.keys() - present))
    yield from (f"{name} a été ajouté" for name in sorted(present - listed.keys()))
    yield from (
        f"{name} a été modifié"
        for name in sorted(present & listed.keys())
        if (folder / name).is_symlink() or digest_of(folder / name) != listed[name]
    )
    if not (folder / SIGNATURE).is_file():
        yield f"{SIGNATURE} manque"
