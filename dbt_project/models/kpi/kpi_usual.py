"""The band in which a month of the headline of a KPI usually lies, and where its value lies."""

import pyarrow as pa

from analytics.anomaly import usual
from analytics.relations import as_dicts, as_table

READ = (*usual.KEYS, "unit", "is_additive", "min_observations", "numerator", "denominator", "value", "observed")
COLUMNS = {
    **dict.fromkeys(usual.KEYS, pa.string()),
    "period_start": pa.date32(),
    "usual_low": pa.decimal128(18, 6),
    "usual_high": pa.decimal128(18, 6),
    "usual_position": pa.string(),
}


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    months = dbt.ref("kpi_headline").filter(
        "period_type = 'month' and is_complete"
        " and territory_level in ('nation', 'region', 'gendarmerie_region', 'departement')"
    )
    return as_table(usual.bands(as_dicts(months.select(*READ))), COLUMNS)
