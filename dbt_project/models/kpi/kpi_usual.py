"""The value that one would expect of a month, and the band in which it usually lies, from the months before it."""

import pyarrow as pa

from analytics.anomaly import usual
from analytics.relations import as_dicts, as_table

KEYS = {
    "kpi_code": pa.string(),
    "period_type": pa.string(),
    "period_start": pa.date32(),
    "territory_level": pa.string(),
    "territory_code": pa.string(),
    "breakdown_dimension": pa.string(),
    "breakdown_value": pa.string(),
}
COLUMNS = KEYS | {
    "usual_low": pa.decimal128(18, 6),
    "usual_high": pa.decimal128(18, 6),
    "usual_position": pa.string(),
}
READ = (*KEYS, "unit", "min_observations", "numerator", "denominator", "value", "observed")
LEVELS = "('nation', 'region', 'gendarmerie_region', 'departement')"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    months = dbt.ref("kpi_headline").filter(
        f"period_type = 'month' and is_complete and territory_level in {LEVELS}"
    )
    return as_table(usual.bands(as_dicts(months.select(*READ))), COLUMNS)
