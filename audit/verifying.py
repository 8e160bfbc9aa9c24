"""Verifies ledger, evidence and published copy against each other, and names what was tampered with."""

import hmac
import json
import re
import time
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import copy_digests, evidence, keyring, ledger, retention, rewriting, right_copies, signing
from audit.keyring import Keyring
from audit.ledger import CHANGES, HEAD, NO_HEAD, PUBLICATION, Entry
from audit.retention import Removal
from core import settings
from core.content_store import Store, digest_of
from core.errors import ExpectedFailure
from core.locks import writer_lock_if_free
from core.settings import Home
from core.sql import literal
from ingestion.engine import raw_lake
from ingestion.platforms import Platform, platform

_SHOWN_ROWS = 5
_FILES = {CHANGES, PUBLICATION, HEAD}
_HEAD = re.compile(r"(?:\d+:)?[0-9a-f]{64}")
#: A publication enters the ledger just before readers see it: what lies between is looked at again.
_LOOKS, _PAUSE_SECONDS = 2, 0.1
_IS_TABLE = (
    "select 1 from duckdb_tables() where database_name = 'copy' and schema_name = 'kpi' and table_name = 'kpi_value'"
)
_LIVE = (
    "La copie des flux récents (published/live) ne porte aucun indicateur et n'entre pas au registre : elle n'est pas "
    "vérifiée ; ses journées achevées sont reprises dans la copie quotidienne, qui l'est."
)


class _NotComparedError(Exception):
    """The files of the lake cannot be compared now: somebody writes them, or they cannot be read from here."""


@dataclass(frozen=True)
class Verdict:
    """What a verification found.

    Attributes:
        publications: Number of publications in the ledger.
        head: The last head, to be kept by the auditor; None where nothing was published.
        key: Fingerprint of the key that signed it; None where it is not signed.
        problems: What proves tampering or loss, in French.
        remarks: What could not be verified, in French.
    """

    publications: int
    head: str | None
    key: str | None
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def conclusion(self) -> str:
        """What it comes to, in one sentence in French."""
        return f"{len(self.problems)} altération(s) trouvée(s)." if self.problems else "Rien n'a été altéré."


def verify(
    home: Home,
    head: str | None = None,
    public_keys: Sequence[Ed25519PublicKey] | None = None,
    on_step: Callable[[str], object] = lambda _: None,
) -> Verdict:
    """Verify everything that the home keeps of its daily publications.

    Args:
        home: The home.
        head: A head that the auditor has kept, `17:3fa9…` or its digits alone.
        public_keys: Keys that the auditor has; by default that of this machine's signing key, if any.
        on_step: Called with the name of the next step, in French.

    Raises:
        ExpectedFailure: the ledger cannot be read at all, or this machine's signing key is none.
    """
    try:
        return _verify(home, head, keyring.trusted(home, public_keys), on_step)
    except OSError as problem:
        raise ExpectedFailure(
            f"La vérification ne peut pas lire {problem.filename or home.root} : {problem.strerror}.",
            "Lancez-la depuis un compte qui peut lire tout le dossier de la plateforme.",
        ) from None


def _verify(home: Home, head: str | None, keys: Keyring, on_step: Callable[[str], object]) -> Verdict:
    known, problems, shown = _read(home)
    remarks: list[str] = []
    audit_key = ledger.audit_key()
    vouched = place_of(known, head)
    problems += chain_problems(known)
    for entry in known:
        on_step(f"Publication {entry.sequence} sur {known[-1].sequence} : chaîne et signature")
        problems += file_problems(entry, keys, audit_key)
    found, unsigned = signature_problems(known, keys, audit_key, vouched)
    problems += found
    remarks += unsigned
    problems += retired_key_problems(known, keys)
    problems += head_problems(known, head, vouched)
    removed = retention.removals(home)
    genuine = {digest for digest, removal in removed.items() if is_genuine(removal, keys, audit_key)}
    on_step("Preuves : chaque fichier contre son empreinte")
    problems += evidence_problems(known, evidence.store(home), removed, genuine)
    problems += removal_problems(removed.values(), genuine, sealed=any(entry.is_sealed for entry in known))
    remarks += removal_remarks(removed.values(), keys)
    on_step("Fichiers bruts du lac : chaque fichier contre son empreinte")
    found, unchecked = lake_problems(home, known)
    problems += found
    remarks += unchecked
    problems += shown_problems(home, shown, known)
    entry = next((entry for entry in known if entry.publication_id == shown), None)
    if shown and entry:
        on_step("Copie que les lecteurs voient, contre le registre")
        file = copy_file(home, shown)
        signed = rewriting.expected_copy(home, entry, keys)
        if signed:
            problems += copy_problems(file, signed)
        else:
            remarks.append(
                f"{entry.folder.name} : publiée sans empreinte de sa copie ; de celle-ci, seules les valeurs des "
                "indicateurs sont vérifiées."
            )
        problems += value_problems(file, known[: known.index(entry) + 1])
        problems += right_copies.problems(file)
    if (home.published / "live" / "current").is_symlink():
        remarks.append(_LIVE)
    last = known[-1] if known else None
    return Verdict(
        publications=len(known),
        head=last.reference if last else None,
        key=last.key if last else None,
        problems=tuple(map(_printable, problems)),
        remarks=tuple(map(_printable, remarks)),
    )


def _printable(text: str) -> str:
    """Return a text without the characters by which a file name could command the terminal of an auditor."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def _read(home: Home) -> tuple[list[Entry], list[str], str | None]:
    """Return the publications, what is none, and the build that readers see."""
    shown = shown_build(home)
    known, damaged = ledger.readable(home)
    for _ in range(_LOOKS):
        if (known[-1].publication_id if known else None) == shown:
            break
        time.sleep(_PAUSE_SECONDS)
        shown = shown_build(home)
        known, damaged = ledger.readable(home)
    return known, [damage.what for damage in damaged], shown


def head_in(text: str) -> str | None:
    """Return the head that a text holds, `17:3fa9…` rather than its digits alone; None where it holds none."""
    found = _HEAD.findall(text)
    return next((head for head in found if ":" in head), found[0] if found else None)


def read_head(text: str) -> str:
    """Return the head that an auditor gives: `17:3fa9…`, its digits alone, or a file that holds it, such as the mail.

    Raises:
        ExpectedFailure: there is none in it.
    """
    if _HEAD.fullmatch(text):
        return text
    try:
        found = head_in(Path(text).read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        found = None
    if not found:
        raise ExpectedFailure(
            f"« {text} » n'est pas une tête de chaîne, ni un fichier qui en contient une.",
            "Une tête s'écrit 17: suivi de 64 chiffres hexadécimaux.",
        )
    return found


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
    """Yield the problems of the order and the links of the chain."""
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


def file_problems(entry: Entry, keys: Keyring, audit_key: str | None) -> Iterator[str]:
    """Yield what the files of one publication show."""
    name = entry.folder.name
    found = {path.name for path in entry.folder.iterdir()}
    for extra in sorted(found - _FILES):
        yield f"{name} : le fichier {extra} a été inséré."
    if not (entry.folder / CHANGES).is_file():
        yield f"{name} : le fichier {CHANGES} a été retiré."
        return
    altered = ledger.head_of(entry.former, entry.folder) != entry.head
    suspect = altered or _signature_problem(entry, keys, audit_key)
    rows = list(row_problems(entry, audit_key)) if suspect else []
    yield from rows
    if altered and not rows:
        yield f"{name} : {PUBLICATION}, {HEAD} ou le fichier {CHANGES} a été modifié après publication."


def is_forged(entry: Entry, key: str | None) -> bool:
    """Return whether a seal does not match the key or the head."""
    if not (key and entry.seal):
        return False
    return not hmac.compare_digest(entry.seal.encode(), ledger.seal_of(entry.head, key).encode())


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
        except (duckdb.Error, UnicodeDecodeError):  # the second: the message of the first holds bytes of the file
            yield f"{name} : le fichier {CHANGES} est illisible."
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


def signature_problems(
    known: list[Entry], keys: Keyring, audit_key: str | None, vouched: int
) -> tuple[list[str], list[str]]:
    """Return what is wrong with signatures and seals, and what they cannot prove.

    Args:
        known: The publications.
        keys: The keys that count; without any, signatures prove nothing.
        audit_key: The key of the HMAC seals of before the signatures.
        vouched: Last publication for which a head that the auditor has kept vouches.
    """
    problems = [
        f"{entry.folder.name} : {problem}" for entry in known if (problem := _signature_problem(entry, keys, audit_key))
    ]
    since = min((entry.sequence for entry in known if entry.signature), default=len(known) + 1)
    sealed_since = min((entry.sequence for entry in known if entry.is_sealed), default=len(known) + 1)
    stripped = [
        entry
        for entry in known
        if not entry.signature and entry.sequence > max(since if entry.seal else min(since, sealed_since), vouched)
    ]
    problems += [f"{entry.folder.name} : non scellée, après une publication scellée." for entry in stripped]
    last = known[-1] if known else None
    if keys and last and last.sequence > vouched and last not in stripped and not _counts(last, audit_key):
        problems.append(
            f"{last.folder.name} : la dernière publication n'est pas signée alors qu'une clé de signature est connue : "
            "la chaîne a été réécrite sans elle, ou la clé est plus récente ; publiez de nouveau, ou donnez une tête "
            "notée avec --head."
        )
    return problems, list(
        _unproved([entry for entry in known if entry not in stripped and entry.sequence > vouched], keys, audit_key)
    )


def _signature_problem(entry: Entry, keys: Keyring, audit_key: str | None) -> str | None:
    if is_forged(entry, audit_key):
        return "le sceau est faux, ce maillon n'a pas été écrit avec la clé d'audit."
    if not entry.signature or not keys:
        return None
    key = keys.get(entry.key or "")
    if key is None:
        return f"signée avec une clé qui n'est pas des vôtres, {entry.key}."
    if entry.sequence > key.last:
        return f"signée avec une clé remplacée après la publication {key.last:.0f}, {entry.key}."
    if not signing.is_valid(key.public, ledger.KIND, {"head": entry.head}, entry.signature):
        return "la signature est fausse : registre ou empreintes de la copie ont été réécrits sans la clé."
    return None


def _counts(entry: Entry, audit_key: str | None) -> bool:
    """Return whether a publication is signed, or sealed like former ones with a known key."""
    return bool(entry.signature or (entry.seal and audit_key))


def _unproved(known: list[Entry], keys: Keyring, audit_key: str | None) -> Iterator[str]:
    signed = [entry for entry in known if entry.signature]
    sealed = [entry for entry in known if entry.seal and not entry.signature]
    unsealed = len(known) - len(signed) - len(sealed)
    if signed and not keys:
        yield f"{len(signed)} signature(s) non vérifiées : donnez la clé publique avec --public-key."
    if sealed and not audit_key:
        yield f"{len(sealed)} sceau(x) d'avant les signatures non vérifiés : CYBERIMPACT_AUDIT_KEY est absente."
    if unsealed:
        yield (
            f"{unsealed} publication(s) non scellée(s) : une chaîne réécrite en entier ne s'y verrait pas ; "
            "donnez avec --head une tête que vous avez notée."
        )


def retired_key_problems(known: list[Entry], keys: Keyring) -> Iterator[str]:
    """Yield the heads at which a key was replaced and which the chain no longer has."""
    heads = {entry.reference for entry in known}
    for fingerprint, key in keys.items():
        if key.head and key.head not in heads:
            yield f"La clé {fingerprint} a été remplacée à la tête {key.head}, qui manque : le registre a été réécrit."


def is_genuine(removal: Removal, keys: Keyring, audit_key: str | None) -> bool:
    """Return whether the platform wrote a removal down, as far as the known keys can verify."""
    if removal.signature:
        key = keys.get(removal.key or "")
        return not keys or (key is not None and removal.is_signed_by(key.public))
    return bool(removal.seal) and (audit_key is None or removal.is_sealed_by(audit_key))


def removal_problems(removed: Collection[Removal], genuine: Container[str], *, sealed: bool) -> Iterator[str]:
    """Yield the removals that the platform did not write down, where its publications are signed or sealed."""
    false = [removal for removal in removed if removal.sha256 not in genuine and (removal.signature or removal.seal)]
    unsigned = [removal for removal in removed if sealed and not (removal.signature or removal.seal)]
    for words, found in (("dont la signature ou le sceau est faux", false), ("non signé(s)", unsigned)):
        if found:
            named = ", ".join(f"{removal.kpi}, {removal.month}" for removal in found[:_SHOWN_ROWS])
            yield f"{len(found)} effacement(s) de preuves {words}, qui n'ont pas été faits par la plateforme : {named}."


def removal_remarks(removed: Collection[Removal], keys: Keyring) -> Iterator[str]:
    """Yield what removals leave unproved."""
    if removed:
        yield (
            f"{len(removed)} fichier(s) d'observations effacé(s) au terme de leur conservation : leurs empreintes et "
            "le motif restent, le recalcul n'est plus possible."
        )
    if any(removal.signature for removal in removed) and not keys:
        yield "Signatures des effacements non vérifiées : donnez la clé publique avec --public-key."


def evidence_problems(
    known: list[Entry], kept: Store, removed: Mapping[str, Removal], genuine: Collection[str]
) -> Iterator[str]:
    """Yield the files of evidence that are missing without a recorded removal, or do not match their name."""
    signed = {digest for digest in genuine if removed[digest].signature}
    # What was examined for a publication without signature is examined again for a signed one, which asks for more.
    examined: dict[bool, set[Path]] = {True: set(), False: set()}
    for entry in known:
        seen = examined[bool(entry.signature)]
        manifest = kept.path(entry.facts["manifest"], ".json")
        if manifest in seen:
            continue
        seen.add(manifest)
        bad = content_problem(manifest)
        if bad:
            yield f"{entry.folder.name} : manifeste de preuve {bad}."
            continue
        try:
            files = list(evidence_files(json.loads(manifest.read_bytes()), kept))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            yield f"{entry.folder.name} : le manifeste de preuve n'en est pas un ({manifest.name})."
            continue
        # Only a signed removal can take away what a signed publication rests on.
        accepted = signed if entry.signature else genuine if entry.seal else removed
        for words, path in files:
            if path not in seen:
                seen.add(path)
                bad = None if path.stem in accepted and not path.exists() else content_problem(path)
                if bad:
                    yield f"{entry.folder.name} : preuve de {words} {bad}."


def evidence_files(manifest: dict, kept: Store) -> Iterator[tuple[str, Path]]:
    """Yield each file that a manifest names, with words for it."""
    for relation, entry in manifest["context"].items():
        yield relation, kept.path(entry["sha256"], ".parquet")
    for code, kpi in manifest["kpis"].items():
        yield f"{code} (définition)", kept.path(kpi["definition"], ".json")
        for relation, entry in kpi.get("context", {}).items():
            yield relation, kept.path(entry["sha256"], ".parquet")
        for month, entry in kpi["months"].items():
            yield f"{code}, {month}", kept.path(entry["sha256"], ".parquet")


def content_problem(path: Path) -> str | None:
    """Return what is wrong with a file of evidence, None where it is sound."""
    if not path.is_file():
        return f"retirée ({path.name})"
    return None if digest_of(path) == path.stem else f"modifiée ({path.name})"


def lake_problems(home: Home, known: list[Entry]) -> tuple[list[str], list[str]]:
    """Return the raw files of the lake that somebody has changed, and what else differs from the last publication.

    The bytes of a file are read where the file system says of it anything else than at its load or its last purge.
    """
    problems, remarks = [], []
    for name, recorded in raw_files(home, known).items():
        try:
            found = lake_changes(home, platform(name), recorded)
        except _NotComparedError:
            remarks.append(f"Lac, {name} : fichiers non vérifiés, ils sont en cours d'écriture, ou inaccessibles.")
            continue
        if found is None:
            remarks.append(
                f"Lac, {name} : les tables sont revenues dans la base ; les empreintes des {len(recorded)} fichiers de "
                "la dernière publication restent dans sa preuve."
            )
            continue
        problems += [f"Lac : {file} a disparu, ou n'a plus les octets de son chargement." for file in found.changed]
        if found.differing:
            remarks.append(
                f"Lac, {name} : {found.differing} fichier(s) sur {len(recorded)} ne sont plus ceux de la dernière "
                "publication, dont la preuve garde les empreintes : purge, ou registre des fichiers modifié ; rien ne "
                "permet de trancher."
            )
    return problems, remarks


def lake_changes(home: Home, chosen: Platform, recorded: Mapping[str, str]) -> raw_lake.Changes | None:
    """Return what has changed of a platform's files; None where its tables are back in the database.

    Raises:
        _NotComparedError: the files cannot be compared now.
    """
    if home.root != settings.home().root:  # restored beside: its lake is where this one's settings say
        raise _NotComparedError
    try:
        with writer_lock_if_free(home.database(chosen.database)) as free:
            if free:
                return raw_lake.compare(chosen, recorded)
    except (ExpectedFailure, OSError) as problem:  # who may read only takes no lock
        raise _NotComparedError from problem
    raise _NotComparedError


def raw_files(home: Home, known: list[Entry]) -> dict[str, dict[str, str]]:
    """Return the SHA-256 of the raw files of the last publication, by platform and path.

    Where its evidence cannot be read `evidence_problems` says so.
    """
    found: dict[str, dict[str, str]] = {}
    store = evidence.store(home)
    try:
        listed = store.read_json(known[-1].facts["manifest"])["context"][evidence.LAKE_FILES]["sha256"]
        query = f"select platform, file, sha256 from read_parquet({literal(str(store.path(listed, '.parquet')))})"  # noqa: S608
        with duckdb.connect(":memory:") as connection:
            rows = connection.execute(query).fetchall()
    except (IndexError, KeyError, TypeError, ValueError, ExpectedFailure, duckdb.Error):
        return {}
    for name, file, sha256 in rows:
        found.setdefault(name, {})[file] = sha256
    return found


def shown_build(home: Home) -> str | None:
    """Return the name of the build that readers see, whether or not it exists; None without a link."""
    link = home.published / "daily" / "current"
    return link.readlink().name if link.is_symlink() else None


def copy_file(home: Home, build: str) -> Path:
    return home.published / "daily" / build / "serving.duckdb"


def shown_problems(home: Home, shown: str | None, known: list[Entry]) -> Iterator[str]:
    """Yield what is wrong with the publication that readers see."""
    if shown is None:
        if known:
            yield "Les lecteurs ne voient aucune copie publiée : published/daily/current manque."
        return
    link = home.published / "daily" / "current"
    file = copy_file(home, shown)
    if link.readlink() != Path(shown) or file.parent.is_symlink() or file.is_symlink():
        yield f"published/daily/current désigne un fichier hors des publications, {(link / file.name).resolve()}."
    if not file.is_file():
        yield f"published/daily/current désigne {shown}, qui n'existe pas : les lecteurs ne voient rien."
    for beside in sorted(file.parent.glob(f"{file.name}?*")):
        yield f"Copie publiée {shown} : le fichier {beside.name}, que DuckDB lirait avec elle, a été ajouté."
    if not known:
        yield f"Le registre est vide alors que {shown} est publiée : il a été vidé, ou est plus récent."
    elif shown not in {entry.publication_id for entry in known}:
        yield f"{shown}, que les lecteurs voient, manque au registre : sa fin a été tronquée."
    elif shown != known[-1].publication_id:
        yield (
            f"Les lecteurs voient {shown}, pas la dernière publication, {known[-1].publication_id} : "
            "published/daily/current a été ramené en arrière, ou la publication a été interrompue ; publiez de nouveau."
        )


def copy_problems(file: Path, signed: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the copy that readers see has other than what was signed of it."""
    if file.is_file() and digest_of(file) != signed["sha256"]:
        for difference in copy_digests.differences(signed, file):
            yield f"Copie publiée {file.parent.name}, modifiée depuis : {difference}."


def value_problems(file: Path, known: list[Entry]) -> Iterator[str]:
    """Yield the figures of the copy that readers see which the ledger has not recorded, row by row."""
    if not file.is_file():
        return
    columns = ", ".join((*ledger.COORDINATES, *ledger.FIGURES))
    recorded = f"select {columns} from {ledger.state(known)}"  # noqa: S608
    shown = f"select {columns} from copy.kpi.kpi_value"  # noqa: S608
    differing = f"(({shown}) except all ({recorded})) union all (({recorded}) except all ({shown}))"
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        try:
            connection.execute(f"attach {literal(str(file))} as copy (read_only)")
            if not connection.execute(_IS_TABLE).fetchall():  # a view would be executed
                yield f"Copie publiée {file.parent.name} : kpi.kpi_value n'y est plus une table."
                return
            rows = connection.execute(f"select distinct {cell()} from ({differing}) order by 1").fetchall()  # noqa: S608
        except (duckdb.Error, UnicodeDecodeError):
            yield f"La copie publiée {file.parent.name} ne peut être comparée au registre, l'un des deux est illisible."
            return
    for (text,) in rows[:_SHOWN_ROWS]:
        yield f"Copie publiée : {text} n'est pas ce que le registre a enregistré."
    if len(rows) > _SHOWN_ROWS:
        yield f"Copie publiée : et {len(rows) - _SHOWN_ROWS} autres lignes."
