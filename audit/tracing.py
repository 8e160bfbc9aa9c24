"""Traces one published figure back to its source records, and recomputes it."""

from dataclasses import dataclass
from datetime import date, datetime, time
from math import ceil
from typing import Any

import duckdb

from audit import archive, cells, copies, evidence, ledger, publication_metadata, retention
from audit.cells import TOTAL, Cell, Figures
from audit.copies import Evaluations
from audit.definitions import KpiDefinition
from audit.ledger import Entry
from audit.retention import Removal
from core.clock import PARIS
from core.content_store import Store
from core.errors import ExpectedFailure
from core.locks import writer_lock_if_free
from core.settings import Home

PAGE = 20
NO_OBSERVATIONS = "Les observations de l'époque ne sont plus conservées : la comparaison n'est plus possible."
_SHOWN_CHOICES = 40
_PLATFORM_PREFIX = "raw_"


@dataclass(frozen=True)
class CurrentState:
    """The same cell in the current warehouse.

    Attributes:
        figures: What the same formula gives there; None where it gives no row, or could not be asked.
        late: Records that came since.
        gone: Records that are no longer there.
        edited: Records that count otherwise than before.
        waits: Why the warehouse could not be asked, in French.
    """

    figures: Figures | None = None
    late: int = 0
    gone: int = 0
    edited: int = 0
    waits: str | None = None


@dataclass(frozen=True)
class Trace:
    """Everything about one published figure.

    Attributes:
        cell: Which figure.
        level: Its territory level.
        entry: The publication that showed it.
        figures: What was shown.
        recomputed: What the evidence of that publication gives; None where its evidence is gone.
        definition: What the KPI was.
        models: The chain: name, file, state, end of its build, checks that passed, and all checks.
        checks: Checks that did not simply pass: name and state.
        evaluations: How the checks ended lately, from the current copy; None where it holds none.
        loads: What fed it: platform, entity, load, end, origin, SHA-256, rows read, rows in quarantine.
        records: Number of records behind it; None where it is suppressed.
        page: Which page of their keys is given, 1 for the first.
        record_keys: The keys of that page, in their order; a record that counts several times has its key once.
            None of a KPI that has small cells: keys contain territories, and would reveal suppressed counts.
        today: The same cell now.
        removed: Months of observations that are no longer there, each with when and why they were removed, if known.
        is_archived: Whether the figure outlived its records, which a purge has taken: nothing recomputes it.
    """

    cell: Cell
    level: str
    entry: Entry
    figures: Figures
    recomputed: Figures | None
    definition: KpiDefinition
    models: list[tuple]
    checks: list[tuple]
    evaluations: Evaluations | None
    loads: list[tuple]
    records: int | None
    page: int
    record_keys: list[str]
    today: CurrentState
    removed: list[tuple[str, Removal | None]]
    is_archived: bool = False

    @property
    def pages(self) -> int:
        """How many pages the keys of the records fill."""
        return pages_of(self.records or 0)

    @property
    def agrees(self) -> bool:
        """Whether the recomputation equals the published figures, exactly."""
        return self.recomputed == self.figures


def as_of(home: Home, day: date | None) -> list[Entry]:
    """Return the publications up to the end of a day in Paris, all of them by default.

    Raises:
        ExpectedFailure: there is none.
    """
    known = ledger.entries(home)
    if not known:
        raise ExpectedFailure("Le registre est vide : rien n'a encore été publié ici.", "Lancez `cyberimpact publish`.")
    if day is None:
        return known
    end = datetime.combine(day, time.max, PARIS)
    found = [entry for entry in known if entry.published_at <= end]
    if not found:
        first = known[0].published_at.astimezone(PARIS)
        raise ExpectedFailure(
            f"Rien n'était publié le {day:%d/%m/%Y}.", f"La première publication est du {first:%d/%m/%Y à %H:%M}."
        )
    return found


def published_figures(known: list[Entry], cell: Cell) -> tuple[str, Figures]:
    """Return the territory level and the figures of a cell at the last of these publications.

    Raises:
        ExpectedFailure: there is no such cell; the message lists what exists.
    """
    condition, parameters = cell.condition()
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(
            f"create temp table shown as select * from {ledger.state(known)} where kpi_code = ?",  # noqa: S608
            [cell.code],
        )
        figures = cells.read(connection, "shown", cell)
        if figures is None:
            raise missing(connection, known, cell)
        levels = f"select territory_level from shown where {condition}"  # noqa: S608
        [(level,)] = connection.execute(levels, parameters).fetchall()
    return level, figures


def missing(connection: duckdb.DuckDBPyConnection, known: list[Entry], cell: Cell) -> ExpectedFailure:
    """Return the failure that names the coordinate of a cell that does not exist, and those that do."""

    def choices(column: str, where: str = "true", *parameters: Any) -> list:
        query = f"select distinct {column} from shown where {where} order by 1"  # noqa: S608
        return [value for (value,) in connection.execute(query, list(parameters)).fetchall()]

    if not choices("kpi_code"):
        with duckdb.connect(":memory:") as every:
            codes = every.execute(f"select distinct kpi_code from {ledger.changes(known)} order by 1").fetchall()  # noqa: S608
        return ExpectedFailure(
            f"L'indicateur « {cell.code} » n'a pas été publié.", f"Publiés : {', '.join(code for (code,) in codes)}."
        )
    in_period = ("period_type = ? and period_start = ?", cell.period.period_type, cell.period.start)
    territories = choices("territory_code", *in_period)
    if not territories:
        types = choices("period_type")
        of_type = choices("period_start", "period_type = ?", cell.period.period_type)
        if not of_type:
            first = connection.execute("select period_type, max(period_start) from shown group by all").fetchall()
            examples = ", ".join(str(cells.Period(kind, start)) for kind, start in sorted(first))
            return ExpectedFailure(
                f"{cell.code} n'existe pas à cette finesse : {cell.period}.",
                f"Périodes publiées : {', '.join(types)} ; les dernières : {examples}.",
            )
        first, last = (cells.Period(cell.period.period_type, start) for start in (of_type[0], of_type[-1]))
        return ExpectedFailure(
            f"{cell.code} n'a pas de donnée pour {cell.period}.",
            f"Publié de {first} à {last} ({len(of_type)} périodes).",
        )
    if cell.territory not in territories:
        return ExpectedFailure(
            f"{cell.code} n'a pas de donnée pour {cell.territory} en {cell.period}.",
            f"Territoires publiés : {shortened(territories)}.",
        )
    breakdowns = choices(
        "concat(breakdown_dimension, '=', breakdown_value)",
        f"{in_period[0]} and territory_code = ?",
        *in_period[1:],
        cell.territory,
    )
    return ExpectedFailure(
        f"{cell.code} n'a pas de donnée pour {cell.dimension}={cell.breakdown}, {cell.territory}, {cell.period}.",
        f"Ventilations publiées : {shortened(breakdowns)}.",
    )


def shortened(values: list[str]) -> str:
    more = f" et {len(values) - _SHOWN_CHOICES} autres" if len(values) > _SHOWN_CHOICES else ""
    return ", ".join(values[:_SHOWN_CHOICES]) + more


def trace(home: Home, cell: Cell, day: date | None = None, page: int = 1) -> Trace:
    """Follow a published figure back to its source.

    Args:
        home: The home.
        cell: Which figure.
        day: As readers saw it at the end of this day; as they see it now by default.
        page: Which page of record keys to return.

    Raises:
        ExpectedFailure: nothing was published, no such figure or page exists, or the manifest of its evidence is gone.
    """
    known = as_of(home, day)
    level, figures = published_figures(known, cell)
    entry, kept = known[-1], evidence.store(home)
    manifest = kept.read_json(entry.facts["manifest"])
    definition = evidence.definition_of(kept, manifest, cell.code)
    months = evidence.months_of(cell.period.start, cell.period.last)
    files = manifest["kpis"][cell.code]["months"]
    gone = evidence.missing_months(kept, files, months)
    with evidence.open_evidence(kept, manifest, cell.code, months.difference(gone)) as connection:
        recomputed, number, keys, now = None, None, [], CurrentState(waits=NO_OBSERVATIONS)
        is_archived = archive.is_archived(connection, cell.code, cell.period.period_type, cell.period.start)
        is_provable = not (gone or is_archived)
        if is_provable:
            recomputed = cells.recompute(connection, definition, cell)
            if not figures.is_suppressed and recomputed is not None:
                number, keys = records_of(connection, definition, cell, level, page)
        chain = {
            "models": models_of(connection, definition),
            "checks": checks_of(connection, definition),
            "loads": loads_of(connection, definition),
        }
        if is_provable:
            now = current_state(home, connection, definition, cell, level, hidden=figures.is_suppressed)
        known_removals = retention.removals(home) if gone else {}
        return Trace(
            cell=cell,
            level=level,
            entry=entry,
            figures=figures,
            recomputed=recomputed,
            definition=definition,
            records=number,
            page=page,
            record_keys=keys,
            today=now,
            evaluations=copies.evaluations(home, definition.checks, definition.raw_tables),
            removed=[(month, known_removals.get(files[month]["sha256"])) for month in gone],
            is_archived=is_archived,
            **chain,
        )


def pages_of(number: int) -> int:
    return max(1, ceil(number / PAGE))


def records_of(
    connection: duckdb.DuckDBPyConnection, definition: KpiDefinition, cell: Cell, level: str, page: int = 1
) -> tuple[int, list[str]]:
    """Return how many observations a cell counts, and the keys of a page of them.

    Raises:
        ExpectedFailure: there is no such page.
    """
    statement, parameters = cells.records(definition, evidence.quoted(definition.observations), cell, level)
    counted = f"select count(record_key) from ({statement})"  # noqa: S608
    [(number,)] = connection.execute(counted, parameters).fetchall()
    if publication_metadata.SUPPRESSION in definition.context:
        return number, []
    pages = pages_of(number)
    if not 1 <= page <= pages:
        raise ExpectedFailure(f"Il n'y a pas de page {page} d'enregistrements.", f"Donnez une page de 1 à {pages}.")
    of_page = f"select record_key from ({statement}) order by 1 limit {PAGE} offset {PAGE * (page - 1)}"  # noqa: S608
    keys = connection.execute(of_page, parameters).fetchall()
    return number, list(dict.fromkeys(key for (key,) in keys))


def models_of(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition) -> list[tuple]:
    """Return the upstream models with the results of their last build and checks."""
    states = states_of(connection)
    found = []
    for uid, model in definition.models.items():
        checks = [states[check][0] for check, of in definition.checks.items() if uid in of and check in states]
        passed = sum(state == "pass" for state in checks)
        # What the live target builds has its states in the other file.
        state, finished = states.get(uid, ("construit à part (temps réel)", None))
        found.append((model["relation"], f"dbt_project/{model['file']}", state, finished, passed, len(checks)))
    return found


def states_of(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, datetime | None]]:
    rows = connection.execute(
        f"select unique_id, status, finished_at from {evidence.quoted('audit.build_status')}"  # noqa: S608
    ).fetchall()
    return {uid: (status, finished) for uid, status, finished in rows}


def checks_of(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition) -> list[tuple]:
    """Return the checks on the chain that did not simply pass."""
    states = states_of(connection)
    return [
        (check.split(".")[2], states[check][0])
        for check in definition.checks
        if check in states and states[check][0] != "pass"
    ]


def loads_of(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition) -> list[tuple]:
    """Return the loads of the raw tables upstream of a KPI, latest first."""
    tables = [table.removeprefix(_PLATFORM_PREFIX) for table in definition.raw_tables]
    return connection.execute(
        f"""
        select
            platform, entity, load_key, finished_at, origin, sha256, rows_read, rows_new, rows_updated, rows_quarantined
        from {evidence.quoted("raw_platforms.loads")}
        where concat(platform, '.', entity) in (select unnest(?))
        order by finished_at desc, load_key
        """,  # noqa: S608
        [tables],
    ).fetchall()


def current_state(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    definition: KpiDefinition,
    cell: Cell,
    level: str,
    *,
    hidden: bool,
) -> CurrentState:
    """Return the same cell by the same formula from the current warehouse, and the changes of its records."""
    if hidden:
        return CurrentState(waits="Chiffre non diffusé : la comparaison ne le serait pas non plus.")
    if not home.warehouse.exists():
        return CurrentState(waits="L'entrepôt est absent : la comparaison attend une construction.")
    kept, parameters = cells.records(definition, evidence.quoted(definition.observations), cell, level)
    connection.execute(f"create temp table kept as {kept}", parameters)
    with writer_lock_if_free(home.warehouse) as free:
        if not free:
            return CurrentState(waits="L'entrepôt est en cours d'écriture : la comparaison avec aujourd'hui attend.")
        try:
            evidence.open_now(connection, home.warehouse, definition, cell.period.start, cell.period.last)
            figures = cells.recompute(connection, definition, cell)
            if figures and figures.is_suppressed:
                return CurrentState(waits="Ce chiffre n'est plus diffusé : trop peu de victimes.")
            now, parameters = cells.records(definition, evidence.quoted(definition.observations), cell, level)
            connection.execute(f"create temp table now_kept as {now}", parameters)
        except duckdb.Error as problem:
            return CurrentState(
                waits=f"L'entrepôt d'aujourd'hui ne répond plus à cette formule : {first_line(problem)}"
            )
        late, gone, edited = compare(connection, "kept", "now_kept")
        return CurrentState(figures, late, gone, edited)


def first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0]


def compare(connection: duckdb.DuckDBPyConnection, former: str, later: str) -> tuple[int, int, int]:
    """Return how many records were added, removed and changed between two tables of observations."""
    touched = touched_keys(former, later)

    def grouped(table: str) -> str:
        # A record may count several times, as an opinion on several themes does.
        return f"""(
            select record_key, list(row_text order by row_text) as counted
            from (
                select record_key, {table}::varchar as row_text
                from {table} semi join touched using (record_key)
            )
            group by record_key
        )"""  # noqa: S608

    [found] = connection.execute(
        f"""
        with touched as materialized ({touched})
        select
            count(l.record_key) filter (f.record_key is null),
            count(f.record_key) filter (l.record_key is null),
            count(l.record_key) filter (f.counted is distinct from l.counted and f.record_key is not null)
        from {grouped(former)} as f
        full join {grouped(later)} as l on f.record_key = l.record_key
        """  # noqa: S608
    ).fetchall()
    return found


def touched_keys(former: str, later: str) -> str:
    """Return the SQL of the records of the days on which two tables of observations differ at all.

    Most days are the same in both, and a sum of hashes shows it, so that records of few days are compared.
    """

    def days(table: str) -> str:
        return f"(select occurred_on, sum(hash({table})) as digest from {table} group by occurred_on)"  # noqa: S608

    def of_days(table: str) -> str:
        return f"select record_key from {table} semi join differing using (occurred_on)"  # noqa: S608

    return f"""
        with differing as materialized (
            select coalesce(f.occurred_on, l.occurred_on) as occurred_on
            from {days(former)} as f
            full join {days(later)} as l on f.occurred_on = l.occurred_on
            where f.digest is distinct from l.digest
        )
        {of_days(former)} union {of_days(later)}
    """  # noqa: S608


@dataclass(frozen=True)
class HistoryEntry:
    """What was shown of a cell from one publication on.

    Attributes:
        entry: The publication that changed it.
        figures: What it showed; None where it took the figure away.
        causes: Why it differs from before, in French.
    """

    entry: Entry
    figures: Figures | None
    causes: tuple[str, ...]


def history(home: Home, cell: Cell, day: date | None = None) -> list[HistoryEntry]:
    """Return every figure that readers saw for a cell, first to last, and why each differs from the former.

    Raises:
        ExpectedFailure: there is no such cell, or nothing was published.
    """
    known = as_of(home, day)
    condition, parameters = cell.condition()
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        rows = connection.execute(
            f"""
            select publication, territory_level, change, {cells.FIGURES}
            from {ledger.changes(known)}
            where {condition}
            order by publication
            """,  # noqa: S608
            parameters,
        ).fetchall()
    if not rows:
        published_figures(known, cell)  # its message lists what exists
    by_sequence = {entry.sequence: entry for entry in known}
    found: list[HistoryEntry] = []
    for publication, level, change, *figures in rows:
        entry = by_sequence[publication]
        now = None if change == "removed" else Figures(*figures)
        # What changed came with this publication: it is compared with the one just before.
        former = by_sequence.get(publication - 1)
        hidden = any(figures and figures.is_suppressed for figures in (now, found[-1].figures if found else None))
        causes = causes_of(evidence.store(home), former, entry, cell, level, hidden=hidden) if found and former else ()
        found.append(HistoryEntry(entry, now, causes))
    return found


def causes_of(kept: Store, former: Entry, later: Entry, cell: Cell, level: str, *, hidden: bool) -> tuple[str, ...]:
    """Return why a figure differs between two publications, in French."""
    try:
        manifests = [kept.read_json(entry.facts["manifest"]) for entry in (former, later)]
        known = [evidence.definition_of(kept, manifest, cell.code) for manifest in manifests]
    except (ExpectedFailure, KeyError):
        return ("Les preuves de l'une des deux publications ne sont plus conservées.",)
    causes = definition_causes(*known)
    if hidden:
        return (*causes, "Diffusion retenue ou rétablie : le nombre de victimes ne peut être dit.")
    months = evidence.months_of(cell.period.start, cell.period.last)
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        try:
            for table, manifest, definition in zip(("former", "later"), manifests, known, strict=True):
                with evidence.open_evidence(kept, manifest, cell.code, months) as opened:
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
        causes.append(f"données tardives : {late} enregistrement(s) arrivé(s)")
    if edited:
        causes.append(f"correction : {edited} enregistrement(s) modifié(s)")
    if gone:
        causes.append(f"retrait : {gone} enregistrement(s) disparu(s)")
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


def breakdown_of(text: str | None) -> tuple[str, str]:
    """Return dimension and value of `scope=gendarmerie`, those of the total for nothing.

    Raises:
        ExpectedFailure: the text has another shape.
    """
    if text is None:
        return TOTAL, TOTAL
    dimension, sign, value = text.partition("=")
    if not sign:
        raise ExpectedFailure(
            f"« {text} » n'est pas une ventilation.", "Écrivez dimension=valeur, par exemple scope=gendarmerie."
        )
    return dimension, value
