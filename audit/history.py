"""What readers saw of one figure, publication after publication, and why it changed."""

from dataclasses import dataclass
from datetime import date

import duckdb

from audit import cells, evidence, ledger
from audit.cells import Cell, Figures
from audit.definitions import KpiDefinition
from audit.ledger import Entry
from audit.readers import Reader
from audit.tracing import as_of, compare, covers, has_small_cells, published_figures
from core.content_store import Store
from core.errors import ExpectedFailure
from core.settings import Home


@dataclass(frozen=True)
class HistoryEntry:
    """What was shown of a cell from one publication on.

    Attributes:
        entry: The publication that changed it.
        unit: The unit of the KPI, empty where no definition of it is kept.
        figures: What it showed; None where it took the figure away, or where that is not shown.
        causes: Why it differs from before, in French.
        is_withheld: Whether what it showed is not shown.
    """

    entry: Entry
    unit: str
    figures: Figures | None
    causes: tuple[str, ...]
    is_withheld: bool = False


def history(home: Home, reader: Reader, cell: Cell, day: date | None = None) -> list[HistoryEntry]:
    """Return every figure that readers saw for a cell, first to last, and why each differs from the former.

    Of a KPI that has small cells, readers get the current figure and the dates of the others.

    Raises:
        ExpectedFailure: there is no such cell that the reader may see, or nothing was published.
    """
    known = as_of(home, day)
    condition, parameters = cell.condition()
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        rows = connection.execute(
            f"""
            select publication, territory_level, change, {cells.FIGURES}
            from {ledger.changes(known)}
            where {condition} and {reader.rows}
            order by publication
            """,  # noqa: S608
            parameters,
        ).fetchall()
    if not rows:
        published_figures(known, reader, cell)  # its message lists what exists
    by_sequence = {entry.sequence: entry for entry in known}
    kept = evidence.store(home)
    unit = _unit(kept, known, cell.code)
    is_guarded = not reader.has_files and has_small_cells(last_definition(kept, known, cell.code))
    is_current = known[-1].folder == ledger.folders(home)[-1]
    found: list[HistoryEntry] = []
    before: Figures | None = None
    for place, (publication, level, change, *figures) in enumerate(rows, 1):
        entry = by_sequence[publication]
        now = None if change == "removed" else Figures(*figures)
        if is_guarded:
            is_shown = is_current and place == len(rows)
            found.append(HistoryEntry(entry, unit, now if is_shown else None, (), is_withheld=not is_shown))
            continue
        # What changed came with this publication: it is compared with the one just before.
        former = by_sequence.get(publication - 1)
        hidden = any(figures and figures.is_suppressed for figures in (now, before))
        causes = causes_of(kept, reader, (former, entry), cell, level, hidden=hidden) if found and former else ()
        found.append(HistoryEntry(entry, unit, now, causes))
        before = now
    return found


def last_definition(kept: Store, known: list[Entry], code: str) -> KpiDefinition:
    """Return the definition of a KPI at the last of these publications that has it.

    Raises:
        ExpectedFailure: the evidence of none of them is kept.
    """
    for entry in reversed(known):
        manifest = kept.read_json(entry.facts["manifest"])
        if code in manifest["kpis"]:
            return evidence.definition_of(kept, manifest, code)
    raise ExpectedFailure(f"La définition de {code} n'est plus conservée.", "Lancez `cyberimpact audit verify`.")


def _unit(kept: Store, known: list[Entry], code: str) -> str:
    try:
        return last_definition(kept, known, code).kpi["unit"]
    except ExpectedFailure:
        return ""


def causes_of(
    kept: Store, reader: Reader, entries: tuple[Entry, Entry], cell: Cell, level: str, *, hidden: bool
) -> tuple[str, ...]:
    """Return why a figure differs between two publications, in French, without records that the reader may not see."""
    try:
        manifests = [kept.read_json(entry.facts["manifest"]) for entry in entries]
        known = [evidence.definition_of(kept, manifest, cell.code) for manifest in manifests]
    except (ExpectedFailure, KeyError):
        return ("Les preuves de l'une des deux publications ne sont plus conservées.",)
    causes = definition_causes(*known)
    if hidden:
        return (*causes, "Diffusion retenue ou rétablie : le nombre de victimes ne peut être dit.")
    by_day = {evidence.is_by_day(manifest, cell.code) for manifest in manifests}
    if len(by_day) > 1:
        return (
            *causes,
            "La preuve de l'une des deux publications compte par jour, celle de l'autre par enregistrement.",
        )
    counted = "total(aux) journalier(s)" if by_day == {True} else "enregistrement(s)"
    months = evidence.months_of(cell.period.start, cell.period.last)
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        try:
            for table, manifest, definition in zip(("former", "later"), manifests, known, strict=True):
                with evidence.open_evidence(kept, manifest, cell.code, months) as opened:
                    if not covers(opened, reader, cell, level):
                        return (*causes, "le détail porte sur des enregistrements que votre rôle ne lit pas")
                    statement, parameters = cells.records(
                        definition, evidence.quoted(definition.observations), cell, level
                    )
                    rows = opened.execute(statement, parameters).to_arrow_table()
                connection.register("rows", rows)
                connection.execute(f"create table {table} as from rows")
                connection.unregister("rows")
            late, gone, edited = compare(connection, "former", "later")
        except duckdb.Error:
            return (*causes, "Les observations de l'une des deux publications ne sont plus conservées.")
    if late:
        causes.append(f"données tardives : {late} {counted} arrivé(s)")
    if edited:
        causes.append(f"correction : {edited} {counted} modifié(s)")
    if gone:
        causes.append(f"retrait : {gone} {counted} disparu(s)")
    return tuple(causes) or ("référentiel modifié : les enregistrements et la formule sont les mêmes",)


def definition_causes(former: KpiDefinition, later: KpiDefinition) -> list[str]:
    """Return in French what differs between two definitions."""
    causes = []
    if former.sql != later.sql:
        causes.append("définition modifiée : la formule de l'indicateur")
    models = {
        (former.models.get(uid) or later.models[uid])["relation"]
        for uid in former.models.keys() | later.models.keys()
        if former.models.get(uid, {}).get("sha256") != later.models.get(uid, {}).get("sha256")
    } - {later.relation}
    if models:
        causes.append(f"définition modifiée : {', '.join(sorted(models))}")
    return causes
