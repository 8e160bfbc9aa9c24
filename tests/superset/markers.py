"""Plants recognisable values into every row that a restricted reader must not be given."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

#: Stands in every text column of a planted row.
TEXT = "ZZMARKERZZ"
#: Stands in every numeric column of a planted row.
NUMBER = 874_563_219
#: The same for rows of reserved tables, which nobody restricted reads, whatever the territory.
RESERVED_TEXT, RESERVED_NUMBER = "YYRESERVEDYY", 632_198_745
#: The territory of the planted rows, and one of which no attacker has the role.
PLACE = "FR-69"
#: Columns whose values join or filter, so that a planted row stays reachable by an ordinary query.
_KEPT = {"territory_code", "territory_level", "kpi_code", "period_type", "breakdown_dimension", "topic_id"}
_NUMERIC = ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "HUGEINT", "SMALLINT", "UBIGINT", "FLOAT")


def statements(file: Path, reserved: Iterable[str]) -> Iterator[str]:
    """Yield what plants a row into each table of a copy that has a territory or is reserved.

    Args:
        file: The published copy.
        reserved: Tables, `schema.name`, that a restricted reader does not read at all, with or without a territory.
    """
    with duckdb.connect(str(file), read_only=True) as copy:
        found = copy.execute(
            "select schema_name || '.' || table_name, list(struct_pack(name := column_name, type := data_type)) "
            "from duckdb_columns() inner join duckdb_tables() using (database_name, schema_name, table_name) "
            "where schema_name <> 'reference' group by all order by all"
        ).fetchall()
    for table, columns in found:
        names = {column["name"] for column in columns}
        if "territory_code" not in names and table not in set(reserved):
            continue
        text, number = (RESERVED_TEXT, RESERVED_NUMBER) if table in set(reserved) else (TEXT, NUMBER)
        values = [_value(column["name"], column["type"], text, number) for column in columns]
        yield f"insert into {table} select {', '.join(values)} from (values (1)) left join {table} on true limit 1"


def _value(name: str, kind: str, text: str, number: int) -> str:
    if name == "territory_code":
        return f"'{PLACE}'"
    if name in _KEPT:
        return f'"{name}"'
    if kind == "VARCHAR":
        return f"'{text}'"
    if kind.startswith(_NUMERIC) and "[" not in kind:
        return f"try_cast({number} as {kind})"
    if kind == "BOOLEAN":
        return "false"
    return f'"{name}"'


def found_in(answer: str) -> bool:
    """Return whether an answer shows a planted value; thousands separators of any kind do not hide a number."""
    return TEXT in answer or str(NUMBER) in _plain(answer) or is_reserved_found_in(answer)


def is_reserved_found_in(answer: str) -> bool:
    """Return whether an answer shows a value of a reserved table."""
    return RESERVED_TEXT in answer or str(RESERVED_NUMBER) in _plain(answer)


def _plain(answer: str) -> str:
    return answer.replace("\u202f", "").replace("\u00a0", "").replace(",", "").replace("_", "")
