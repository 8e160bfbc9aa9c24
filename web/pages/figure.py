"""The page of one figure: what it is, where it comes from, and whether it is computed again alike."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from audit import cells, evidence_file, figure_path, report, tracing
from audit.cells import TOTAL, Cell, Period
from audit.history import history
from audit.readers import FIGURES, Reader
from audit.report import Section
from audit.tracing import NotPublishedError, PublishedCell
from core import french, settings
from core.errors import ExpectedFailure
from operations import acts
from web import charts
from web.access import PersonRequest, author_of, page
from web.charts import Point
from web.failures import NotFound
from web.identity import Act, Person
from web.numbers import whole
from web.reading import Row, opened

#: Periods before and after the one of the page that its picture shows.
BEFORE, AFTER = 18, 6
#: Breakdowns of a dimension that the page shows.
MOST_VALUES = 40
#: The pages of a figure.
ROUTES = ("figure", "figure_recomputation", "figure_records", "figure_evidence")

_OF_CELL = """
    kpi_code = $code and territory_code = $territory and period_type = $period_type
    and breakdown_dimension = $dimension and breakdown_value = $breakdown
"""
_COURSE = f"""
    select * from (
        (from {FIGURES} where {_OF_CELL} and period_start <= $start order by period_start desc limit {BEFORE})
        union all
        (from {FIGURES} where {_OF_CELL} and period_start > $start order by period_start limit {AFTER})
    ) order by period_start
"""  # noqa: S608 - constants
_BREAKDOWNS = f"""
    select breakdown_dimension, breakdown_value, breakdown_label, value_label
    from {FIGURES}
    where
        kpi_code = $code and territory_code = $territory and period_type = $period_type and period_start = $start
        and breakdown_dimension <> '{TOTAL}'
    qualify row_number() over (partition by breakdown_dimension order by value desc nulls last, breakdown_value)
        <= {MOST_VALUES}
    order by breakdown_dimension, value desc nulls last, breakdown_value
"""  # noqa: S608 - constants
_KPI = "select * from kpi.kpi_catalogue where kpi_code = ?"


@page(reads=FIGURES)
def show(request: PersonRequest, code: str, period: str, territory: str) -> HttpResponse:
    """Show a figure as it is displayed now, or with `?le=2026-11-01` as it was at the end of that day."""
    with opened(request.person.right) as reading:
        shown = _published(request, code, period, territory)
        cell = shown.cell
        place = {
            "code": code,
            "territory": territory,
            "period_type": cell.period.period_type,
            "start": cell.period.start,
        }
        course = reading.rows(_COURSE, place | {"dimension": cell.dimension, "breakdown": cell.breakdown})
        breakdowns = reading.rows(_BREAKDOWNS, place)
        kpi = reading.row(_KPI, [code])
    made, past = tracing.provenance(shown), _past_day(request)
    now = next((row for row in course if row["period_start"] == cell.period.start), None)
    context = {
        **_frame(request, shown),
        "kpi": kpi,
        "now": now,
        "past": past,
        "today": _address(cell, None),
        "value": "–" if shown.figures.value is None else french.reading(shown.figures.value, shown.unit),
        "target": report.target(shown),
        "parts": Section("Détail du chiffre", report.figures_lines(shown)),
        "picture": _picture(course, shown) if course else "",
        "course": [{**row, "address": _address(_in_period(cell, row), past)} for row in reversed(course)],
        "breakdowns": [{**row, "address": _address(_part(cell, row), past)} for row in breakdowns],
        "whole": _address(replace(cell, dimension=TOTAL, breakdown=TOTAL), past) if cell.dimension != TOTAL else None,
        "history": history(settings.home(), shown.reader, cell, past)[::-1],
        "layers": figure_path.layers(shown.definition, made.models),
        "places": report.shown_section(shown),
        "provenance": report.provenance_sections(made),
        "columns": report.columns_section(shown.definition, tracing.sources(shown)),
        "publication": Section("Publication", report.publication_lines(shown.entry)),
        "dagster": settings.dagster_url() if Act.VERIFY in request.person.acts else None,
    }
    return render(request, "web/figure.html", context)


@page(reads=FIGURES, opens=Act.VERIFY)
def recomputation(request: PersonRequest, code: str, period: str, territory: str) -> HttpResponse:
    """Compute a figure again, and show the result: a part of its page, or a page of its own."""
    shown = _published(request, code, period, territory)
    found = tracing.recompute(shown)
    context = {
        **_frame(request, shown),
        "agrees": found.agrees,
        "is_possible": found.is_possible,
        "result": Section(
            "Recalcul", [*report.recomputed_lines(found, shown.unit), *report.today_lines(found, shown.unit)]
        ),
    }
    template = "web/figure_recomputed.html" if request.headers.get("HX-Request") else "web/figure_recomputation.html"
    return render(request, template, context)


@page(reads=FIGURES, opens=Act.VERIFY)
def records(request: PersonRequest, code: str, period: str, territory: str) -> HttpResponse:
    """Show a page of the source records of a figure."""
    shown = _published(request, code, period, territory)
    number = whole(request.GET.get("page", "1"))
    if number is None:
        raise NotFound("Ce n'est pas un numéro de page.", "Donnez un nombre, 1 pour la première.")
    found = tracing.records(shown, number)
    columns = [report.column(name) for name in found.columns]
    context = {
        **_frame(request, shown),
        "records": found,
        "before": _address(shown.cell, _past_day(request), "figure_records", page=str(found.page - 1)),
        "after": _address(shown.cell, _past_day(request), "figure_records", page=str(found.page + 1)),
        "table": Section("Enregistrements", report.records_lines(shown, found), columns, found.rows),
    }
    return render(request, "web/figure_records.html", context)


@page(reads=FIGURES, opens=Act.VERIFY)
def evidence(request: PersonRequest, code: str, period: str, territory: str) -> HttpResponse:
    """Give the evidence of a figure as a file."""
    shown = _published(request, code, period, territory)
    found = tracing.Trace(
        shown, tracing.provenance(shown), tracing.recompute(shown), tracing.records(shown), tracing.sources(shown)
    )
    name, archive = evidence_file.name_of(shown), evidence_file.archive(found)
    if request.method == "GET":
        acts.record(author_of(request.person), "preuve téléchargée", ("chiffre", name.removesuffix(".zip")))
    return HttpResponse(
        archive,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def address_of(row: Row) -> str:
    """Return the address of the page of a row of `kpi.rpt_kpi`."""
    period = Period(row["period_type"], row["period_start"])
    breakdown = row["breakdown_dimension"], row["breakdown_value"]
    return _address(Cell(row["kpi_code"], period, row["territory_code"], *breakdown), None)


def name_of(row: Row) -> str:
    """Return what a row of `kpi.rpt_kpi` counts: the KPI, which part of it, and the territory."""
    part = f" ({row['breakdown_label']})" if row["breakdown_dimension"] != TOTAL else ""
    return f"{row['kpi_label']}{part} – {row['territory_name']}"


def reader_of(person: Person) -> Reader:
    return Reader(person.right, verifies=Act.VERIFY in person.acts)


def _published(request: PersonRequest, code: str, period: str, territory: str) -> PublishedCell:
    """Return the figure that an address names.

    Raises:
        NotFound: there is none that the person may see; the remedy lists what exists.
    """
    try:
        cell = Cell(code, cells.period(period), territory, *tracing.breakdown_of(request.GET.get("ventilation")))
    except ExpectedFailure as failure:
        raise NotFound(failure.what, failure.remedy) from None
    try:
        return tracing.find(settings.home(), reader_of(request.person), cell, _past_day(request))
    except NotPublishedError as failure:
        raise NotFound(failure.what, failure.remedy) from None


def _past_day(request: PersonRequest) -> date | None:
    text = request.GET.get("le")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound(f"« {text} » n'est pas un jour.", "Écrivez-le 2026-11-01.") from None


def _frame(request: PersonRequest, shown: PublishedCell) -> dict[str, Any]:
    """Return what every page about a figure shows around its content."""
    cell, past = shown.cell, _past_day(request)
    return {
        "title": f"{shown.definition.kpi['label']}, {cell.period}, {cell.territory}",
        "shown": shown,
        "is_suppressed": shown.figures.is_suppressed,
        "verifies": shown.reader.verifies,
        **{route: _address(cell, past, route) for route in ROUTES},
    }


def _address(cell: Cell, past: date | None, route: str = "figure", **query: str) -> str:
    """Return the address of a figure as it was displayed on a day, or of what belongs to it."""
    if past:
        query["le"] = past.isoformat()
    if cell.dimension != TOTAL:
        query["ventilation"] = f"{cell.dimension}={cell.breakdown}"
    path = reverse(route, args=[cell.code, str(cell.period), cell.territory])
    return f"{path}?{urlencode(query)}" if query else path


def _in_period(cell: Cell, row: Row) -> Cell:
    return replace(cell, period=Period(row["period_type"], row["period_start"]))


def _part(cell: Cell, row: Row) -> Cell:
    return replace(cell, dimension=row["breakdown_dimension"], breakdown=row["breakdown_value"])


def calendar(period_type: str, start: date, last: date) -> Iterator[Period]:
    """Yield every period from one to another, by their first days."""
    while start <= last:
        period = Period(period_type, start)
        yield period
        start = period.last + timedelta(days=1)


def _picture(course: Sequence[Row], shown: PublishedCell) -> SafeString:
    """Return the picture of the course of a figure, in what its values are read in."""
    times, after = french.scale(shown.unit)
    rows = {row["period_start"]: row for row in course}

    def read(start: date, column: str) -> float | None:
        value = rows.get(start, {}).get(column)
        return None if value is None else float(value) * times

    points = [
        Point(
            period.start,
            str(period),
            read(period.start, "value"),
            low=read(period.start, "usual_low"),
            high=read(period.start, "usual_high"),
            is_marked=period == shown.cell.period,
        )
        for period in calendar(shown.cell.period.period_type, min(rows), max(rows))
    ]
    return charts.course(points, f"{shown.definition.kpi['label']} ({after.strip() or shown.unit}), par période")
