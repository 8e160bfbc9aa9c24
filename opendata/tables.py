"""The rows of a dataset: those of the published copy that its declaration names, small counts hidden."""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from analytics.disclosure.victims import Cell, Figures, Level, suppressed_of_source
from core.errors import ExpectedFailure
from opendata.declaration import Dataset

Row = dict[str, Any]

#: Levels that add up to the nation, so that what a reader can subtract is known. Regions of gendarmerie are left out:
#: a second way to add up départements hides more.
LEVELS = ("nation", "region", "departement", "abroad", "unknown")
SCHEMA = pa.schema(
    [
        pa.field("indicateur", pa.string(), nullable=False),
        pa.field("type_periode", pa.string(), nullable=False),
        pa.field("debut_periode", pa.date32(), nullable=False),
        pa.field("niveau_territoire", pa.string(), nullable=False),
        pa.field("code_territoire", pa.string(), nullable=False),
        pa.field("valeur", pa.decimal128(18, 6)),
        pa.field("effectif", pa.int64()),
        pa.field("secret", pa.bool_(), nullable=False),
    ]
)
DESCRIPTIONS = {
    "indicateur": "Code de l'indicateur ; LISEZMOI.md en donne la définition.",
    "type_periode": "month (mois), quarter (trimestre) ou year (année).",
    "debut_periode": "Premier jour de la période.",
    "niveau_territoire": "nation, region, departement, abroad (étranger) ou unknown (inconnu).",
    "code_territoire": "Code ISO 3166-2 ; FR, XX (étranger) ou ZZ (inconnu).",
    "valeur": "Valeur de l'indicateur ; vide sous secret.",
    "effectif": "Nombre de réponses, de personnes ou de faits derrière la valeur ; vide sous secret.",
    "secret": "Vrai si la ligne est masquée pour que l'on ne retrouve pas un effectif de moins de cinq.",
}
KEY = ("indicateur", "type_periode", "debut_periode", "niveau_territoire", "code_territoire")

_CATALOGUE = "select * from kpi.kpi_catalogue where kpi_code in (select unnest(?))"
_ROWS = """
    select kpi_code, period_type, period_start, territory_level, territory_code, numerator, denominator, value,
        is_suppressed,
        case observed_figure when 'numerator' then numerator when 'denominator' then denominator else observations end
            as counted
    from kpi.kpi_value
    join kpi.kpi_catalogue using (kpi_code)
    where
        kpi_code in (select unnest($kpis))
        and period_type in (select unnest($period_types))
        and territory_level in (select unnest($levels))
        and breakdown_dimension = $dimension
        and breakdown_value = $value
    order by kpi_code, period_type, period_start, territory_level, territory_code
"""
_REGIONS = """
    select territory_code, 'region', region_code from reference.dim_territory
    where territory_level = 'departement' and region_code is not null
"""


def definitions(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Row]:
    """Return the definitions of the KPIs of a dataset, in its order.

    Raises:
        ExpectedFailure: a KPI does not exist, is not public, or has not the breakdown.
    """
    known = {
        row["kpi_code"]: row
        for row in connection.execute(_CATALOGUE, [list(dataset.kpis)]).to_arrow_table().to_pylist()
    }
    for code in dataset.kpis:
        if code not in known:
            raise ExpectedFailure(
                f"{dataset.slug} : l'indicateur « {code} » n'est pas publié.", "Ôtez-le de la liste, ou publiez-le."
            )
        sensitivity = known[code]["sensitivity"]
        if sensitivity != "public":
            raise ExpectedFailure(
                f"{dataset.slug} : l'indicateur « {code} » n'est pas public (sensibilité {sensitivity}).",
                "Ôtez-le de la liste : seuls les indicateurs publics sont ouverts.",
            )
    return [known[code] for code in dataset.kpis]


def table(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> pa.Table:
    """Return the rows of a dataset.

    A row that the published copy suppresses stays so. Where small counts are protected, further rows are hidden:
    counts below five, and those from which they would follow, in all KPIs of the dataset.

    Raises:
        ExpectedFailure: counts do not add up, so that nothing can be promised of what is hidden.
    """
    dimension, value = dataset.breakdown
    asked = {"kpis": list(dataset.kpis), "period_types": list(dataset.period_types), "levels": list(LEVELS)}
    rows = connection.execute(_ROWS, {**asked, "dimension": dimension, "value": value}).to_arrow_table().to_pylist()
    levels = [Level(*row) for row in connection.execute(_REGIONS).fetchall()]
    hidden = set() if dataset.unprotected else _hidden(dataset, rows, levels)
    return pa.Table.from_pylist([_shown(row, _cell(row) in hidden) for row in rows], SCHEMA)


def _cell(row: Mapping[str, Any]) -> Cell:
    where = ("period_type", "period_start", "territory_level", "territory_code")
    return Cell(*(row[name] for name in where), "total", "total")


def _hidden(dataset: Dataset, rows: list[Row], levels: Iterable[Level]) -> set[Cell]:
    """Return the cells to hide in every KPI of a dataset."""
    by_kpi = {code: Figures({}) for code in dataset.kpis}
    for row in rows:
        if row["is_suppressed"]:
            raise ExpectedFailure(
                f"{dataset.slug} : {row['kpi_code']} a des lignes sous secret dans la copie publiée.",
                "Un indicateur de victimes ne peut pas être ouvert : ôtez-le de la liste.",
            )
        figures = by_kpi[row["kpi_code"]]
        figures.victims[_cell(row)] = int(row["counted"] or 0)
        if row["denominator"] is not None and row["numerator"] is not None and row["numerator"] <= row["denominator"]:
            figures.shares = figures.shares or [{}]
            figures.shares[0][_cell(row)] = int(row["numerator"])
    try:
        return suppressed_of_source(by_kpi.values(), levels)
    except ValueError as problem:
        raise ExpectedFailure(
            f"{dataset.slug} : les effectifs ne s'additionnent pas ({problem})", "Ôtez cet indicateur de la liste."
        ) from None


def _shown(row: Row, is_hidden: bool) -> Row:
    secret = is_hidden or row["is_suppressed"]
    return {
        "indicateur": row["kpi_code"],
        "type_periode": row["period_type"],
        "debut_periode": row["period_start"],
        "niveau_territoire": row["territory_level"],
        "code_territoire": row["territory_code"],
        "valeur": None if secret else row["value"],
        "effectif": None if secret else int(row["counted"] or 0),
        "secret": secret,
    }
