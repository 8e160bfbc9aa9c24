"""Holds ledger, evidence and published copy against each other, and says what was tampered with. Mends nothing."""

import hmac
import json
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from audit import evidence, ledger, retention
from audit.copies import published_copy
from audit.ledger import CHANGES, HEAD, NO_HEAD, PUBLICATION, Entry
from audit.objects import Store, digest_of
from audit.retention import Removal
from ingestion.settings import Home
from ingestion.sql import literal

_SHOWN_ROWS = 5
_FILES = {CHANGES, PUBLICATION, HEAD}


@dataclass(frozen=True)
class Verdict:
    """What a verification found.

    Attributes:
        publications: Number of publications in the ledger.
        head: The last head, to be kept by the auditor; None where nothing was published.
        problems: What proves tampering or loss, in French.
        remarks: What could not be verified, in French.
    """

    publications: int
    head: str | None
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def verify(home: Home, head: str | None = None) -> Verdict:
    """Verify everything that the home keeps of its daily publications.

    Args:
        home: The home.
        head: A head that the auditor has kept, `17:3fa9…` or its digits alone.
    """
    problems: list[str] = []
    remarks: list[str] = []
    known = []
    for folder in ledger.folders(home):
        try:
            known.append(ledger.read(folder))
        except (OSError, ValueError, KeyError) as problem:
            problems.append(f"{folder.name} : inséré ou abîmé, ce n'est pas une publication du registre ({problem}).")
    key = ledger.audit_key()
    vouched = place_of(known, head)
    problems += chain_problems(known)
    for entry in known:
        problems += file_problems(entry, key)
    seals, unsealed = seal_problems(known, key, vouched)
    problems += seals
    remarks += unsealed
    problems += head_problems(known, head, vouched)
    removed = retention.removals(home)
    problems += evidence_problems(known, evidence.store(home), removed)
    problems += removal_problems(removed.values(), key, sealed=any(entry.seal for entry in known))
    remarks += removal_remarks(removed.values(), key)
    published = published_copy(home)
    if published:
        problems += copy_problems(published, known)
        remarks += interrupted(published, known)
    return Verdict(len(known), known[-1].reference if known else None, tuple(problems), tuple(remarks))


def place_of(known: list[Entry], head: str | None) -> int:
    """Return the sequence up to which a head that the auditor has kept vouches for the chain; 0 for none."""
    digits = (head or "").rpartition(":")[2]
    return max((entry.sequence for entry in known if entry.head == digits), default=0)


def head_problems(known: list[Entry], head: str | None, vouched: int) -> Iterator[str]:
    if head is None or vouched:
        return
    place = head.rpartition(":")[0]
    if place.isdecimal() and int(place) > len(known):
        yield f"La tête {head} manque : la fin du registre a été tronquée, il n'a plus que {len(known)} publication(s)."
    else:
        yield f"La tête {head} manque : le registre a été réécrit ou tronqué depuis qu'elle a été notée."


def chain_problems(known: list[Entry]) -> Iterator[str]:
    """Yield what the order and the links of the chain tell."""
    former, expected = NO_HEAD, 1
    for entry in known:
        name = entry.folder.name
        if entry.sequence > expected:
            yield f"{name} : {entry.sequence - expected} publication(s) ont été retirées juste avant."
        elif entry.sequence < expected:
            yield f"{name} : publication insérée, ce rang est déjà pris."
        if (entry.facts["sequence"], entry.publication_id) != (entry.sequence, name.partition("-")[2]):
            yield (
                f"{name} : publication déplacée ou modifiée, son contenu dit rang {entry.facts['sequence']}, "
                f"{entry.publication_id}."
            )
        if entry.former != former:
            yield f"{name} : la chaîne est rompue ici, la publication précédente n'est pas celle que ce maillon nomme."
        former, expected = entry.head, entry.sequence + 1


def file_problems(entry: Entry, key: str | None) -> Iterator[str]:
    """Yield what the files of one publication tell."""
    name = entry.folder.name
    found = {path.name for path in entry.folder.iterdir()}
    for extra in sorted(found - _FILES):
        yield f"{name} : le fichier {extra} a été inséré."
    if CHANGES not in found:
        yield f"{name} : le fichier {CHANGES} a été retiré."
        return
    altered = ledger.head_of(entry.former, entry.folder) != entry.head
    rows = list(row_problems(entry, key)) if altered or is_forged(entry, key) else []
    yield from rows
    if altered and not rows:
        yield f"{name} : {PUBLICATION}, {HEAD} ou le fichier {CHANGES} a été modifié après publication."


def is_forged(entry: Entry, key: str | None) -> bool:
    """Tell whether a seal was made with another key, or stands under another head."""
    return bool(key and entry.seal) and not hmac.compare_digest(entry.seal, ledger.seal_of(entry.head, key))


def row_problems(entry: Entry, key: str | None) -> Iterator[str]:
    """Yield the rows of a publication that are not as they were written."""
    name = entry.folder.name
    if entry.seal and not key:
        return
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        source = literal(str(entry.folder / CHANGES))
        try:
            connection.execute(
                "create temp table rows as select *, file_row_number as place, "  # noqa: S608
                f"digest is distinct from {ledger.row_digest(key if entry.seal else None)} as is_false "
                f"from read_parquet({source}, file_row_number = true)",
                ledger.pad_parameters(key if entry.seal else None),
            )
        except duckdb.Error as problem:
            yield f"{name} : le fichier {CHANGES} est illisible ({str(problem).splitlines()[0]})."
            return
        false_rows = connection.execute(f"select {cell()} from rows where is_false order by place").fetchall()  # noqa: S608
        [(kept, sound, highest, displaced)] = connection.execute(
            "select count(position), count(distinct position) filter (not is_false), max(position), "
            "count(position) filter (not is_false and place + 1 <> position) from rows"
        ).fetchall()
        for (text,) in false_rows[:_SHOWN_ROWS]:
            yield f"{name} : ligne modifiée ou insérée : {text}."
        if len(false_rows) > _SHOWN_ROWS:
            yield f"{name} : et {len(false_rows) - _SHOWN_ROWS} autres lignes modifiées ou insérées."
        missing = entry.facts["changes"] - sound
        if missing > 0 and missing > len(false_rows):
            yield f"{name} : {missing - len(false_rows)} ligne(s) retirée(s) sur {entry.facts['changes']}."
        elif not false_rows and displaced and highest == kept:
            yield f"{name} : {displaced} ligne(s) ont changé de place."
        elif not false_rows and kept > entry.facts["changes"]:
            yield f"{name} : {kept - entry.facts['changes']} ligne(s) ont été insérées en double."


def cell() -> str:
    """Return the SQL of the words that name a row."""
    return "concat_ws(' ', kpi_code, period_type, period_start, territory_code, breakdown_dimension, breakdown_value)"


def seal_problems(known: list[Entry], key: str | None, vouched: int) -> tuple[list[str], list[str]]:
    """Return what is wrong with seals, and what they cannot prove."""
    unsealed = [entry for entry in known if not entry.seal]
    if not key:
        sealed = len(known) - len(unsealed)
        words = [f"{sealed} sceau(x) non vérifiés : CYBERIMPACT_AUDIT_KEY est absente."] if sealed else []
        return [], words + unsealed_words(unsealed)
    false = [
        f"{entry.folder.name} : le sceau est faux, ce maillon n'a pas été écrit avec la clé d'audit."
        for entry in known
        if is_forged(entry, key)
    ]
    since = min((entry.sequence for entry in known if entry.seal), default=len(known) + 1)
    stripped = [entry for entry in unsealed if entry.sequence > max(since, vouched)]
    false += [f"{entry.folder.name} : non scellée, après une publication scellée." for entry in stripped]
    return false, unsealed_words([entry for entry in unsealed if entry not in stripped and entry.sequence > vouched])


def unsealed_words(unsealed: list[Entry]) -> list[str]:
    if not unsealed:
        return []
    words = (
        f"{len(unsealed)} publication(s) non scellée(s) : une chaîne réécrite en entier ne s'y verrait pas ; "
        "donnez avec --head une tête que vous avez notée."
    )
    return [words]


def removal_problems(removed: Collection[Removal], key: str | None, *, sealed: bool) -> Iterator[str]:
    """Yield the removals that were not written down with the audit key, though the ledger is."""
    if not key:
        return
    forged = [one for one in removed if one.is_forged(key)]
    unsealed = [one for one in removed if sealed and one.seal is None]
    for words, found in (("dont le sceau est faux", forged), ("non scellé(s)", unsealed)):
        if found:
            named = ", ".join(f"{one.kpi}, {one.month}" for one in found[:_SHOWN_ROWS])
            yield f"{len(found)} effacement(s) de preuves {words}, qui n'ont pas été faits par la plateforme : {named}."


def removal_remarks(removed: Collection[Removal], key: str | None) -> Iterator[str]:
    """Yield what removals leave unproved."""
    if removed:
        yield (
            f"{len(removed)} fichier(s) d'observations effacé(s) au terme de leur conservation : leurs empreintes et "
            "le motif restent, le recalcul n'est plus possible."
        )
    if removed and not key:
        yield "Sceaux des effacements non vérifiés : CYBERIMPACT_AUDIT_KEY est absente."


def evidence_problems(known: list[Entry], kept: Store, removed: Container[str]) -> Iterator[str]:
    """Yield the files of evidence that are gone, though nobody wrote that down, or are not what their name says."""
    seen: set[Path] = set()
    for entry in known:
        manifest = kept.path(entry.facts["manifest"], ".json")
        if manifest in seen:
            continue
        seen.add(manifest)
        bad = object_problem(manifest)
        if bad:
            yield f"{entry.folder.name} : manifeste de preuve {bad}."
            continue
        for words, path in named(json.loads(manifest.read_bytes()), kept):
            if path not in seen:
                seen.add(path)
                bad = None if path.stem in removed and not path.exists() else object_problem(path)
                if bad:
                    yield f"{entry.folder.name} : preuve de {words} {bad}."


def named(manifest: dict, kept: Store) -> Iterator[tuple[str, Path]]:
    """Yield each file that a manifest names, with words for it."""
    for relation, entry in manifest["context"].items():
        yield relation, kept.path(entry["sha256"], ".parquet")
    for code, kpi in manifest["kpis"].items():
        yield f"{code} (définition)", kept.path(kpi["definition"], ".json")
        for month, entry in kpi["months"].items():
            yield f"{code}, {month}", kept.path(entry["sha256"], ".parquet")


def object_problem(path: Path) -> str | None:
    """Return what is wrong with a file of evidence, None where it is sound."""
    if not path.exists():
        return f"retirée ({path.name})"
    return None if digest_of(path) == path.stem else f"modifiée ({path.name})"


def interrupted(published: Path, known: list[Entry]) -> Iterator[str]:
    """Yield a word on a last publication that was recorded and never shown."""
    shown = published.parent.name
    if known and known[-1].publication_id != shown and shown in {entry.publication_id for entry in known}:
        yield f"{known[-1].folder.name} : publication interrompue, les lecteurs voient encore {shown}."


def copy_problems(published: Path, known: list[Entry]) -> Iterator[str]:
    """Yield what the copy that readers see has other than the ledger."""
    if not known:
        yield f"Le registre est vide alors que {published.parent.name} est publiée : il a été vidé, ou est plus récent."
        return
    places = [place for place, entry in enumerate(known, 1) if entry.publication_id == published.parent.name]
    if not places:
        yield f"{published.parent.name}, que les lecteurs voient, manque au registre : sa fin a été tronquée."
        return
    columns = ", ".join((*ledger.COORDINATES, *ledger.FIGURES))
    recorded = f"select {columns} from {ledger.state(known[: places[0]])}"  # noqa: S608
    shown = f"select {columns} from serving.kpi.kpi_value"  # noqa: S608
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        try:
            connection.execute(f"attach {literal(str(published))} as serving (read_only)")
            rows = connection.execute(
                f"select {cell()} from (({shown} except {recorded}) union ({recorded} except {shown})) order by 1"  # noqa: S608
            ).fetchall()
        except duckdb.Error as problem:
            yield f"La copie publiée ne peut être comparée au registre : {str(problem).splitlines()[0]}"
            return
    for (text,) in rows[:_SHOWN_ROWS]:
        yield f"Copie publiée : {text} n'est pas ce que le registre a enregistré."
    if len(rows) > _SHOWN_ROWS:
        yield f"Copie publiée : et {len(rows) - _SHOWN_ROWS} autres lignes."
