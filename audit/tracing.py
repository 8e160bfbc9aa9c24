"""Traces one published figure back to its source records, and recomputes it, as far as a reader may see it.

What territories a reader may not read stays out of everything here: figures, records, their number, what differs. Of a
KPI that has small cells, neither keys nor former figures are shown: they would reveal suppressed counts.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from math import ceil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from audit import archive, cells, copies, evidence, ledger, publication_metadata, retention
from audit.cells import TOTAL, Cell, Figures
from audit.copies import Evaluations
from audit.definitions import KpiDefinition, by_table
from audit.ledger import Entry
from audit.readers import Reader
from audit.retention import Removal
from core.clock import PARIS
from core.content_store import Store
from core.errors import ExpectedFailure
from core.french import moment
from core.locks import writer_lock_if_free
from core.settings import Home
from core.sql import literal
from ingestion.engine import raw_lake

PAGE = 20
#: How long a trace waits for a micro-batch that writes where the register of the lake lies.
WRITER_SECONDS = 5.0
NO_OBSERVATIONS = "Les observations de l'époque ne sont plus conservées : la comparaison n'est plus possible."
IS_WRITTEN = "une écriture est en cours, redemandez plus tard"
NO_KEYS = (
    "l'entrepôt d'aujourd'hui ne donne pas les clés des enregistrements : il est absent, en cours d'écriture "
    "(redemandez plus tard), ou ne répond plus à cette définition"
)
_NOT_COMPARED = "Non montré : la comparaison dirait plus que ce qui a été publié de ce chiffre pour votre rôle."
#: The table of the published copies that shows what loads have read, whatever the territory.
LOADS = "audit.platform_load"
_SHOWN_CHOICES = 40
_PLATFORM_PREFIX = "raw_"


class NotPublishedError(ExpectedFailure):
    """There is no such figure for the reader, or nothing was published then."""


@dataclass(frozen=True)
class PublishedCell:
    """A published figure that a reader may see.

    Attributes:
        home: Where it was published.
        reader: Who asks.
        cell: Which figure.
        level: Its territory level.
        entry: The publication that showed it.
        figures: What was shown.
        definition: What the KPI was.
        manifest: What that publication wrote of its evidence.
    """

    home: Home
    reader: Reader
    cell: Cell
    level: str
    entry: Entry
    figures: Figures
    definition: KpiDefinition
    manifest: Mapping[str, Any]

    @property
    def store(self) -> Store:
        return evidence.store(self.home)

    @property
    def unit(self) -> str:
        return self.definition.kpi["unit"]

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """Its files of observations, by month."""
        return self.manifest["kpis"][self.cell.code]["months"]

    @property
    def is_by_day(self) -> bool:
        """Whether its evidence has sums by day in place of records."""
        return evidence.is_by_day(self.manifest, self.cell.code)

    @property
    def raw_files(self) -> str | None:
        """The file of evidence that lists the files of the lake with their SHA-256; None where nothing lay there."""
        return evidence.context_of(self.manifest, self.cell.code).get(evidence.LAKE_FILES, {}).get("sha256")

    @property
    def months(self) -> set[str]:
        """The months that its period touches."""
        return evidence.months_of(self.cell.period.start, self.cell.period.last)

    @property
    def gone(self) -> list[str]:
        """Months of its observations that are no longer there."""
        return evidence.missing_months(self.store, self.files, self.months)

    @contextmanager
    def evidence(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Open the evidence of the publication under the names that the KPI's SQL reads.

        Raises:
            ExpectedFailure: a file of it is damaged or gone.
        """
        months = self.months.difference(self.gone)
        try:
            with evidence.open_evidence(self.store, self.manifest, self.cell.code, months) as connection:
                yield connection
        except (duckdb.IOException, duckdb.InvalidInputException):
            raise ExpectedFailure(
                f"Les preuves de la publication {self.entry.sequence} ne peuvent plus être lues.",
                "Vérifiez le registre (`cyberimpact audit verify`), qui dit quel fichier manque ou a été modifié.",
            ) from None


@dataclass(frozen=True)
class Load:
    """A load that fed a figure; who may not see what loads have read gets `None` for the rest."""

    platform: str
    entity: str
    finished_at: datetime
    load_key: str | None = None
    origin: str | None = None
    sha256: str | None = None
    rows_read: int | None = None
    rows_new: int | None = None
    rows_updated: int | None = None
    rows_quarantined: int | None = None


@dataclass(frozen=True)
class Model:
    """A table upstream of a figure, with the results of its last build and checks."""

    relation: str
    file: str
    state: str
    finished_at: datetime | None
    passed: int
    checks: int


@dataclass(frozen=True)
class Provenance:
    """How a figure came to be.

    Attributes:
        models: The chain of tables.
        checks: Checks that did not simply pass: name and state.
        evaluations: How the checks ended lately, from the current copy; None where it holds none, or the reader may not
            read them.
        loads: What fed it, the latest first.
    """

    models: list[Model]
    checks: list[tuple[str, str]]
    evaluations: Evaluations | None
    loads: list[Load]


@dataclass(frozen=True)
class CurrentState:
    """The same cell in the current warehouse.

    Attributes:
        figures: What the same formula gives there; None where it gives no row, or could not be asked.
        late: Records that came since.
        gone: Records that are no longer there.
        edited: Records that count otherwise than before.
        waits: Why the warehouse was not asked, in French.
    """

    figures: Figures | None = None
    late: int = 0
    gone: int = 0
    edited: int = 0
    waits: str | None = None


@dataclass(frozen=True)
class Recomputation:
    """A figure computed again.

    Attributes:
        agrees: Whether the evidence gives the published figures, exactly.
        figures: What the evidence gives; None where it gives no row, is gone, or may not be shown.
        is_withheld: Whether it gives something else that the reader may not see.
        today: The same cell now.
        removed: Months of observations that are no longer there, each with when and why they were removed, if known.
        is_archived: Whether the figure outlived its records, which a purge has taken: nothing recomputes it.
    """

    agrees: bool
    figures: Figures | None
    is_withheld: bool
    today: CurrentState
    removed: list[tuple[str, Removal | None]]
    is_archived: bool

    @property
    def is_possible(self) -> bool:
        """Whether what the figure was computed from is still there."""
        return not (self.removed or self.is_archived)


@dataclass(frozen=True)
class Records:
    """The records behind a figure that a reader may see.

    Attributes:
        number: How many there are; None where it may not be shown, or they are gone.
        is_part: Whether the figure counts other records too, which the reader may not see.
        page: Which page is given, 1 for the first.
        columns: The columns of a record; the first is its key.
        rows: The records of that page, in the order of their keys; none of a KPI that has small cells.
    """

    number: int | None = None
    is_part: bool = False
    page: int = 1
    columns: tuple[str, ...] = ()
    rows: tuple[tuple, ...] = ()

    @property
    def pages(self) -> int:
        """How many pages the records fill."""
        return pages_of(self.number or 0)

    @property
    def keys(self) -> list[str]:
        """The keys of the page; a record that counts several times has its key once."""
        return list(dict.fromkeys(row[0] for row in self.rows))


@dataclass(frozen=True)
class Sources:
    """The raw tables that the records behind a figure come from.

    Attributes:
        tables: Every table that its records may come from.
        records: How many of them are found today in each table of the warehouse; None where they were not looked for,
            or no table has their keys as they are.
        unknown: How many are found in none: purged since, or with a key that is no longer the platform's.
        files: The files of the lake that hold them today.
        not_asked: Tables whose files were not looked into, and why, in French.
    """

    tables: tuple[str, ...] = ()
    records: Mapping[str, int] | None = None
    unknown: int = 0
    files: tuple[raw_lake.Holding, ...] = ()
    not_asked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """Everything about one published figure."""

    shown: PublishedCell
    provenance: Provenance
    recomputation: Recomputation
    records: Records
    sources: Sources


def as_of(home: Home, day: date | None) -> list[Entry]:
    """Return the publications up to the end of a day in Paris, all of them by default.

    Raises:
        NotPublishedError: there is none.
    """
    known = ledger.entries(home)
    if not known:
        raise NotPublishedError(
            "Le registre est vide : rien n'a encore été publié ici.", "Lancez `cyberimpact publish`."
        )
    if day is None:
        return known
    end = datetime.combine(day, time.max, PARIS)
    found = [entry for entry in known if entry.published_at <= end]
    if not found:
        first = moment(known[0].published_at)
        raise NotPublishedError(f"Rien n'était publié le {day:%d/%m/%Y}.", f"La première publication est du {first}.")
    return found


def published_figures(known: list[Entry], reader: Reader, cell: Cell) -> tuple[str, Figures]:
    """Return the territory level and the figures of a cell at the last of these publications.

    Raises:
        ExpectedFailure: there is no such cell that the reader may see; the message lists what exists for him.
    """
    condition, parameters = cell.condition()
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(
            f"create temp table shown as select * from {ledger.state(known)} "  # noqa: S608
            f"where kpi_code = ? and {reader.rows}",
            [cell.code],
        )
        figures = cells.read(connection, "shown", cell)
        if figures is None:
            raise missing(connection, known, reader, cell)
        levels = f"select territory_level from shown where {condition}"  # noqa: S608
        [(level,)] = connection.execute(levels, parameters).fetchall()
    return level, figures


def missing(connection: duckdb.DuckDBPyConnection, known: list[Entry], reader: Reader, cell: Cell) -> NotPublishedError:
    """Return the failure that names the coordinate of a cell that does not exist for a reader, and those that do."""

    def choices(column: str, where: str = "true", *parameters: Any) -> list:
        query = f"select distinct {column} from shown where {where} order by 1"  # noqa: S608
        return [value for (value,) in connection.execute(query, list(parameters)).fetchall()]

    if not choices("kpi_code"):
        with duckdb.connect(":memory:") as every:
            published = f"select distinct kpi_code from {ledger.changes(known)} where {reader.rows} order by 1"  # noqa: S608
            codes = every.execute(published).fetchall()
        return NotPublishedError(
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
            return NotPublishedError(
                f"{cell.code} n'existe pas à cette finesse : {cell.period}.",
                f"Périodes publiées : {', '.join(types)} ; les dernières : {examples}.",
            )
        first, last = (cells.Period(cell.period.period_type, start) for start in (of_type[0], of_type[-1]))
        return NotPublishedError(
            f"{cell.code} n'a pas de donnée pour {cell.period}.",
            f"Publié de {first} à {last} ({len(of_type)} périodes).",
        )
    if cell.territory not in territories:
        return NotPublishedError(
            f"{cell.code} n'a pas de donnée pour {cell.territory} en {cell.period}.",
            f"Territoires publiés : {shortened(territories)}.",
        )
    breakdowns = choices(
        "concat(breakdown_dimension, '=', breakdown_value)",
        f"{in_period[0]} and territory_code = ?",
        *in_period[1:],
        cell.territory,
    )
    return NotPublishedError(
        f"{cell.code} n'a pas de donnée pour {cell.dimension}={cell.breakdown}, {cell.territory}, {cell.period}.",
        f"Ventilations publiées : {shortened(breakdowns)}.",
    )


def shortened(values: list[str]) -> str:
    more = f" et {len(values) - _SHOWN_CHOICES} autres" if len(values) > _SHOWN_CHOICES else ""
    return ", ".join(values[:_SHOWN_CHOICES]) + more


def find(home: Home, reader: Reader, cell: Cell, day: date | None = None) -> PublishedCell:
    """Return a published figure.

    Args:
        home: The home.
        reader: Who asks.
        cell: Which figure.
        day: As readers saw it at the end of this day; as they see it now by default.

    Raises:
        NotPublishedError: there is no such figure that the reader may see, or nothing was published.
        ExpectedFailure: the figure may no longer be shown, or the manifest of its evidence is gone.
    """
    known = as_of(home, day)
    level, figures = published_figures(known, reader, cell)
    entry, kept = known[-1], evidence.store(home)
    manifest = kept.read_json(entry.facts["manifest"])
    definition = evidence.definition_of(kept, manifest, cell.code)
    if has_small_cells(definition) and not reader.has_files and entry.folder != ledger.folders(home)[-1]:
        raise ExpectedFailure(
            f"Ce qui était affiché de {cell.code} à une date passée n'est plus montré : la différence de deux "
            "publications révélerait de petits effectifs de victimes.",
            "Ouvrez le chiffre tel qu'il est affiché aujourd'hui.",
        )
    return PublishedCell(home, reader, cell, level, entry, figures, definition, manifest)


def trace(home: Home, reader: Reader, cell: Cell, day: date | None = None, page: int = 1) -> Trace:
    """Follow a published figure back to its source; arguments and errors are those of `find` and `records`."""
    shown = find(home, reader, cell, day)
    return Trace(shown, provenance(shown), recompute(shown), records(shown, page), sources(shown))


def provenance(shown: PublishedCell) -> Provenance:
    """Return how a figure came to be."""
    definition = shown.definition
    with shown.evidence() as connection:
        return Provenance(
            models=models_of(connection, definition),
            checks=checks_of(connection, definition),
            evaluations=copies.evaluations(shown.home, definition.checks, definition.raw_tables)
            if shown.reader.reads(copies.EVALUATIONS)
            else None,
            loads=loads_of(connection, definition, shown.reader),
        )


def recompute(shown: PublishedCell) -> Recomputation:
    """Compute a figure again, from the evidence of its publication and from the current warehouse.

    Raises:
        ExpectedFailure: the reader may not see recomputations.
    """
    shown.reader.require_verification()
    figures, today = None, CurrentState(waits=NO_OBSERVATIONS)
    gone = shown.gone
    with shown.evidence() as connection:
        cell = shown.cell
        is_archived = archive.is_archived(connection, cell.code, cell.period.period_type, cell.period.start)
        sees_all = sees_every_change(connection, shown)
        if not (gone or is_archived):
            figures = cells.recompute(connection, shown.definition, cell)
            today = current_state(connection, shown) if sees_all else CurrentState(waits=_NOT_COMPARED)
    agrees = figures == shown.figures
    is_withheld = not agrees and figures is not None and (shown.figures.is_suppressed or not sees_all)
    removals = retention.removals(shown.home) if gone else {}
    return Recomputation(
        agrees=agrees,
        figures=None if is_withheld else figures,
        is_withheld=is_withheld,
        today=today,
        removed=[(month, removals.get(shown.files[month]["sha256"])) for month in gone],
        is_archived=is_archived,
    )


def has_small_cells(definition: KpiDefinition) -> bool:
    """Return whether cells of a KPI are suppressed where few victims stand behind them."""
    return publication_metadata.SUPPRESSION in definition.context


def covers(connection: duckdb.DuckDBPyConnection, reader: Reader, cell: Cell, level: str) -> bool:
    """Return whether a reader may read the records of every territory that a cell counts."""
    if not reader.is_bound:
        return True
    [(found,)] = connection.execute(
        f"select coalesce(bool_and({reader.rows}), false) from {evidence.quoted('reference.bridge_territory_level')} "  # noqa: S608
        "where territory_level = ? and level_code = ?",
        [level, cell.territory],
    ).fetchall()
    return found


def sees_every_change(connection: duckdb.DuckDBPyConnection, shown: PublishedCell) -> bool:
    """Return whether a reader may see what differs from a published figure: what was not published of its records."""
    reader = shown.reader
    return reader.has_files or (
        not has_small_cells(shown.definition) and covers(connection, reader, shown.cell, shown.level)
    )


def pages_of(number: int) -> int:
    return max(1, ceil(number / PAGE))


def records(shown: PublishedCell, page: int = 1) -> Records:
    """Return a page of the records behind a figure that its reader may see.

    Raises:
        ExpectedFailure: the reader may not see source records, or there is no such page.
    """
    shown.reader.require_verification()
    cell, definition = shown.cell, shown.definition
    if shown.gone or shown.figures.is_suppressed:
        return Records()
    with shown.evidence() as connection:
        if archive.is_archived(connection, cell.code, cell.period.period_type, cell.period.start):
            return Records()
        is_part = not covers(connection, shown.reader, cell, shown.level)
        if has_small_cells(definition):
            return Records(None if is_part else shown.figures.observations, is_part)
        statement, parameters = readable_records(shown)
        [(number,)] = connection.execute(f"select count(record_key) from ({statement})", parameters).fetchall()  # noqa: S608
        pages = pages_of(number)
        if not 1 <= page <= pages:
            raise ExpectedFailure(f"Il n'y a pas de page {page} d'enregistrements.", f"Donnez une page de 1 à {pages}.")
        found = connection.execute(f"{statement} order by all limit {PAGE} offset {PAGE * (page - 1)}", parameters)
        columns = tuple(column[0] for column in found.description or ())
        return Records(number, is_part, page, columns, tuple(found.fetchall()))


def readable_records(shown: PublishedCell) -> tuple[str, list[Any]]:
    """Return the SQL of the records behind a figure that its reader may see, the key first, and its parameters."""
    observations = evidence.quoted(shown.definition.observations)
    statement, parameters = cells.records(shown.definition, observations, shown.cell, shown.level)
    others = "columns(lambda name: name not in ('record_key', 'entity_key'))"
    return f"select record_key, {others} from ({statement}) where {shown.reader.rows}", parameters  # noqa: S608


def sources(shown: PublishedCell) -> Sources:
    """Return which raw tables, and which files of the lake, have records behind a figure.

    They are looked for in the warehouse of today, as far as the reader may see records. Where one table has them all,
    they are looked for in its files only.
    """
    definition = shown.definition
    tables = by_table(definition.record_columns)
    is_hidden = shown.figures.is_suppressed or has_small_cells(definition) or not shown.reader.verifies
    in_lake = {table: place for table, place in raw_lake.tables().items() if table in tables}
    if is_hidden or shown.gone or not (in_lake or len(tables) > 1):
        return Sources(tuple(tables))
    if shown.is_by_day:
        keys, counted = keys_today(shown), (None, 0)
    else:
        with shown.evidence() as connection:
            statement, parameters = readable_records(shown)
            connection.execute(f"create temp table behind as select distinct record_key from ({statement})", parameters)  # noqa: S608
            counted = counted_by_table(connection, shown.home.warehouse, definition.record_columns)
            keys = connection.table("behind").to_arrow_table()
    if keys is None:
        return Sources(tuple(tables), not_asked=dict.fromkeys(in_lake, NO_KEYS))
    files, not_asked = [], {}
    for name, (chosen, table) in in_lake.items():
        with writer_lock_if_free(shown.home.database(chosen.database), WRITER_SECONDS) as free:
            if free:
                files += raw_lake.locate(chosen, table, tables[name], keys)
            else:
                not_asked[name] = IS_WRITTEN
    return Sources(tuple(tables), *counted, tuple(files), not_asked)


def keys_today(shown: PublishedCell) -> pa.Table | None:
    """Return the keys of the records that a figure counts in the warehouse of today; None where it does not answer."""
    warehouse = shown.home.warehouse
    with writer_lock_if_free(warehouse) as free:
        if not (free and warehouse.exists()):
            return None
        statement, parameters = readable_records(shown)
        with duckdb.connect(":memory:", config={"threads": 2}) as connection:
            try:
                connection.execute(f"attach {literal(str(warehouse))} as {evidence.CATALOG} (read_only)")
                return connection.execute(f"select distinct record_key from ({statement})", parameters).to_arrow_table()  # noqa: S608
            except duckdb.Error:  # a later version of the code has other tables
                return None


def counted_by_table(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, columns: Sequence[str]
) -> tuple[Mapping[str, int] | None, int]:
    """Return how many keys of `behind` each raw table has, None where none was looked into, and how many none has."""
    if len(by_table(columns)) < 2 or not warehouse.exists():  # noqa: PLR2004 - one table has them all
        return None, 0
    with writer_lock_if_free(warehouse) as free:
        if not free:
            return None, 0
        connection.execute(f"attach {literal(str(warehouse))} as today (read_only)")
        present = connection.execute(
            "select concat(schema_name, '.', table_name, '.', column_name) from duckdb_columns() "
            "where database_name = 'today'"
        ).fetchall()
        looked_in = by_table(column for column in columns if (column,) in present)
        if not looked_in:
            return None, 0
        counted = connection.execute(
            f"""
            with found as materialized ({" union all ".join(keys_in(*table) for table in looked_in.items())})
            select source, count(record_key) from found group by source
            union all
            select null, count(record_key) from behind anti join found using (record_key)
            """  # noqa: S608
        ).fetchall()
    number = dict(counted)
    unknown = number.pop(None)
    return ({table: number.get(table, 0) for table in looked_in}, unknown) if number else (None, 0)


def keys_in(table: str, columns: Sequence[str]) -> str:
    """Return the SQL of the keys of `behind` that a raw table has, as they are or after a prefix `platform|`."""
    read = evidence.quoted(table, "today")
    values = " union all ".join(f'select "{column}"::varchar as key from {read}' for column in columns)  # noqa: S608
    return f"""
        select {literal(table)} as source, record_key
        from behind
        where record_key in ({values}) or substr(record_key, instr(record_key, '|') + 1) in ({values})
    """  # noqa: S608


def models_of(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition) -> list[Model]:
    """Return the upstream models with the results of their last build and checks."""
    states = states_of(connection)
    found = []
    for uid, model in definition.models.items():
        checks = [states[check][0] for check, of in definition.checks.items() if uid in of and check in states]
        passed = sum(state == "pass" for state in checks)
        # What the live target builds has its states in the other file.
        state, finished = states.get(uid, ("construit à part (temps réel)", None))
        found.append(Model(model["relation"], f"dbt_project/{model['file']}", state, finished, passed, len(checks)))
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


def loads_of(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition, reader: Reader) -> list[Load]:
    """Return the loads of the raw tables upstream of a KPI, latest first.

    What a load has read may be about one territory: who may not see that gets the last load of each table, undescribed.
    """
    tables = [table.removeprefix(_PLATFORM_PREFIX) for table in definition.raw_tables]
    of_tables = (
        f"from {evidence.quoted('raw_platforms.loads')} where concat(platform, '.', entity) in (select unnest(?))"
    )
    described = ", load_key, origin, sha256, rows_read, rows_new, rows_updated, rows_quarantined"
    query = (
        f"select platform, entity, finished_at{described} {of_tables} order by finished_at desc, load_key"
        if reader.reads(LOADS)
        else f"select platform, entity, max(finished_at) {of_tables} group by all order by 3 desc, 1, 2"
    )
    return [Load(*row) for row in connection.execute(query, [tables]).fetchall()]


def current_state(connection: duckdb.DuckDBPyConnection, shown: PublishedCell) -> CurrentState:
    """Return the same cell by the same formula from the current warehouse, and the changes of its records.

    Args:
        connection: The opened evidence; it reads the warehouse in its place afterwards.
        shown: The figure.
    """
    definition, cell, warehouse = shown.definition, shown.cell, shown.home.warehouse
    if shown.figures.is_suppressed:
        return CurrentState(waits="Chiffre non diffusé : la comparaison ne le serait pas non plus.")
    if not warehouse.exists():
        return CurrentState(waits="L'entrepôt est absent : la comparaison attend une construction.")
    kept, parameters = cells.records(definition, evidence.quoted(definition.observations), cell, shown.level)
    connection.execute(f"create temp table kept as {kept}", parameters)
    with writer_lock_if_free(warehouse) as free:
        if not free:
            return CurrentState(waits="L'entrepôt est en cours d'écriture : la comparaison avec aujourd'hui attend.")
        try:
            first, last = cell.period.start, cell.period.last
            source = evidence.source_of(shown.manifest, cell.code, definition)
            evidence.open_now(connection, warehouse, source, first, last)
            figures = cells.recompute(connection, definition, cell)
            if figures and figures.is_suppressed:
                return CurrentState(waits="Ce chiffre n'est plus diffusé : trop peu de victimes.")
            now, parameters = cells.records(definition, evidence.quoted(definition.observations), cell, shown.level)
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
