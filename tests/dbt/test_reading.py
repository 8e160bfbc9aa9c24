"""A value of a KPI reads alike in SQL, for dashboards, and in Python, for the page of the figure."""

from decimal import Decimal
from types import SimpleNamespace

import duckdb
import jinja2
import pytest
import yaml

from core import french
from warehouse.dbt_project import PROJECT_DIR

MODELS = [
    model
    for file in sorted(PROJECT_DIR.glob("models/kpi/*/kpi_*.yml"))
    for model in yaml.safe_load(file.read_text("utf-8")).get("models", ())
]
UNITS = sorted({model["config"]["meta"]["kpi"]["unit"] for model in MODELS if "kpi" in model["config"].get("meta", {})})
VALUES = [Decimal(text) for text in ("0", "1", "0.548000", "0.333333", "59.500000", "119.6", "12345.678900", "2999.95")]


@pytest.fixture(scope="module")
def reading_label() -> jinja2.runtime.Macro:
    def dispatch(name: str) -> jinja2.runtime.Macro:
        return getattr(macros, f"duckdb__{name}")

    source = (PROJECT_DIR / "macros/reading.sql").read_text("utf-8")
    macros = jinja2.Environment().from_string(source, {"adapter": SimpleNamespace(dispatch=dispatch)}).module
    return macros.reading_label


@pytest.mark.parametrize("unit", UNITS)
def test_sql_and_python_write_a_value_alike(reading_label: jinja2.runtime.Macro, unit: str) -> None:
    label = reading_label("value", "unit", "false")
    query = f"select value, {label} from (select unnest(?::decimal(18, 6)[]) as value, ? as unit)"
    written = dict(duckdb.execute(query, [VALUES, unit]).fetchall())
    assert written == {value: french.reading(value, unit) for value in VALUES}
