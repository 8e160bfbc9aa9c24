"""Cells of the KPIs of victims whose figures are not published: fewer than five victims, and what protects them."""

from collections import defaultdict

import pyarrow as pa

from analytics.disclosure.victims import Cell, Figures, Level, suppressed_of_source

COLUMNS = ("kpi_code", *Cell._fields)


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    cells = dbt.ref("kpi_victim_cell")
    levels = dbt.ref("bridge_territory_level")

    places = [Level(*row) for row in levels.select(*Level._fields).fetchall()]
    sources = defaultdict(lambda: defaultdict(lambda: Figures({})))
    columns = ("victims_source", *COLUMNS, "victims", "victims_in_share", "adds_up_to_total")
    for source, code, *coordinates, victims, in_share, adds_up in cells.select(*columns).fetchall():
        cell, figures = Cell(*coordinates), sources[source][code]
        figures.victims[cell] = victims
        if in_share is not None:
            figures.shares = figures.shares or [{}]
            figures.shares[0][cell] = in_share
        if not adds_up:
            figures.loose.add(cell.breakdown_dimension)

    rows = []
    for kpis in sources.values():
        hidden = suppressed_of_source([kpis[code] for code in sorted(kpis)], places)
        rows += [(code, *cell) for code in sorted(kpis) for cell in sorted(hidden & kpis[code].victims.keys())]
    types = {"period_start": pa.date32()}
    return pa.table(
        {
            name: pa.array([row[place] for row in rows], types.get(name, pa.string()))
            for place, name in enumerate(COLUMNS)
        }
    )
