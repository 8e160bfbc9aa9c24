"""Generates SQL that tries to read what its author may not, for charts and for SQL Lab.

Written from the way a reader's text travels (Superset parses and regenerates parts of it, DuckDB runs the whole), not
from the guard: a scalar subquery on a forbidden table is hidden in a context, its table is spelt in an unusual way, and
the whole is wrapped in text that two parsers may cut differently.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: A forbidden table and a text column of it.
Place = tuple[str, str]

#: How the name of a table can be spelt; $s its schema, $t its name.
SPELLINGS = (
    "$s.$t", '"$s"."$t"', "$s . $t", '$s."$t"', "$S.$T", "serving.$s.$t", '"serving"."$s"."$t"', "$s/**/./**/$t",
    "$s.\n$t", "$s.\u00a0$t", "$s.$t as kpi_catalogue", "$s.$t as t($c)", "only $s.$t", "$s.$t tablesample 100%",
    "(select * from $s.$t)", "(from $s.$t)", "(table $s.$t)", "$t", '"$t"', "$s.$t\u200b", "$s\uff0e$t",
    "(pivot $s.$t on 1 using max($c) as c)", "query_table('$s.$t')", "query('from $s.$t')",
    "(select * from (values (1)) positional join $s.$t)", "(select * from (select 1 as o) as o, lateral (from $s.$t))",
    "(with $t as (from $s.$t) from $t)", "(with kpi_catalogue as (from $s.$t) from kpi_catalogue)",
    "(with recursive r as (from $s.$t union all from r where false) from r)",
    "(from $s.$t union all by name from $s.$t)", "(select * from $s.$t qualify true)", "(summarize $s.$t)",
    "json_execute_serialized_sql(json_serialize_sql('from $s.$t'))", "pragma_storage_info('$s.$t')",
)  # fmt: skip

#: A scalar that shows the column; $f is the table as spelt, $c the column.
SCALARS = (
    "(select max($c) from $f)", "(from $f select max($c))", "(select string_agg(distinct $c::varchar, ' ') from $f)",
    "(select list($c)::varchar from $f)", "array(select $c from $f)::varchar",
    "(select min(columns(*))::varchar from $f)", "(select first(row.$c) from $f as row)",
    "(select max(r) from (select $f.* from $f) as x(r))", "(select $c from $f order by all limit 1)",
    "(select any_value(t)::varchar from $f as t)", "(select max(u) from (select unnest(list($c)) as u from $f))",
    "(select max($c) from (values (1)) as v(n), $f)", "(select histogram($c)::varchar from $f)",
    "(select max(x) from (values ((select max($c) from $f))) as v(x))", "(select mode($c) from $f group by true)",
    "(select struct_pack(a := max($c)).a from $f)", "(select arg_max($c, 1) from $f)",
    "(select max($c) filter (where true) from $f)", "(select stats($c) from $f limit 1)",
    "(select to_json(list($c)) from $f)", "(select json_group_array($c)::varchar from $f)",
    "[x for x in (select list($c) from $f)]::varchar",
    "list_transform([1], lambda x: (select max($c) from $f))::varchar",
    "list_transform([1], x -> (select max($c) from $f))::varchar", "(select max($c) over () from $f limit 1)",
    "coalesce(null, (select max($c) from $f))", "case when true then (select max($c) from $f) end",
    "try((select max($c) from $f))", "getvariable((select max($c) from $f))",
    "json_serialize_plan('select $c from $f', optimize := true)::varchar",
    "cast((select max($c) from $f) as integer)::varchar", "error((select max($c) from $f))::varchar",
    "(select max($c)::varchar::date from $f)::varchar", "map([1], [(select max($c) from $f)])::varchar",
)  # fmt: skip

#: Text around a scalar $x that two parsers may read differently.
DISGUISES = (
    "$x", "max('a') -- */ || $x /*", "max('a') /* -- */ || $x", "max(interval '1' \"day)||$x||max('a'\")",
    "max('a' || $x)", "max('a') || /* ' */ $x /* ' */", "max('a') || /* /* */ $x -- */", "max('a') || $$ ' $$ || $x",
    "max($q$ -- $q$) || $x || max($q$ /* $q$)", "max(e'\\\\') || $x || ''", "max(e'\\\\' || ' || $x || ') || ''",
    "max('\\') || $x || max('\\')", "max('a''') || $x || ''''", 'max("""") || $x', "max('a') --\r || $x",
    "max('a') --\u2028 || $x", "max('a') --\x0b || $x", "max('a') --\x0c\n || $x", "max('a')\u00a0||\u2003$x",
    "max('a') || {{ \"\" }} $x", "max('a') {# #} || $x", "max('a') || $x; select 1",
    "max(1) filter (where $x is not null)", "max('a') over (order by $x)", "max(x'61') || $x",
    "max(b'1'::varchar) || $x", "max(U&'\\0061') || $x", "max(E'\\047') || $x", "max('a') || (($x))",
    "max('a'::varchar collate nocase || $x)", "max(r'\\') || $x || r'\\'", "max('a') || ($x)::json::varchar",
    "concat(max('a'), $x)", "printf('%s', $x)", "format('{}', $x)", "max('a') # */ || $x", "max('a') <!-- --> || $x",
    "max(?) || $x", "max($1) || $x", "max('a') /*+ hint */ || $x", "max('a') -- \\\n || $x", "max(quarter '1' || $x)",
    "max(date '2020-01-01'::varchar || $x)", "max(timestamp '1' \"a)||$x||max('b'\")",
    "max(time '1' \"a)||$x||max('b'\")", "max(year '1' \"a)||$x||max('b'\")",
    "max(json '{}' \"a)||$x||max('b'\")",
)  # fmt: skip

#: Statements around a scalar $x, with the table as spelt $f and the column $c, for SQL Lab.
STATEMENTS = (
    "select $x as x", "select 1 as x -- */ union all select $x /*", "select e'\\\\' as a, ' , $x as x --' as b",
    "select 1 as x union all select $x", "select v.x from (select 1) as o, lateral (values ($x)) as v(x)",
    "with c as (select 1 as o) select $x as x from c as rpt_kpi", "with c as (select $x as x) from c",
    "with $t as (select 1 as o) select $x as x from $t", "with $t as (from $s.$t) select max($c) as x from $t",
    "with a as (with $t as (select 1 as o) from $t) select $x as x from a", "values ($x)",
    "from (values ($x)) as v(x)", "select unnest([$x]) as x", "select 1 as x order by $x",
    "select 1 as x limit length($x)", "select $c as x from $f", "from $f", "table $f",
    "select * exclude ($c), $c as x from $f", "select * replace ($c as $c) from $f", "select columns(*) from $f",
    "select * from $f semi join (select 1) on true", "select * from $f at (version => 1)",
    "select * from kpi.kpi_catalogue as a asof join $f as b on a.kpi_code >= b.$c", "summarize $f", "describe $f",
    "select a.x from (select $x as x) as a",
    "select x from (pivot (select $x as x, 1 as y) on y using max(x)) as p(x)", "unpivot (select $x as x) on x",
    "select (select y from (select $x as y)) as x", "explain analyze select $x", "select * from query($$select $x$$)",
    "call query('select 1')", "with x as materialized (select $x as v) from x",
    "with recursive r(x) as (select $x union all select x from r where false) select x from r",
    "select 1 as x; select $x as x", "/* select 1 */ select $x as x", "select 'a' as x --\r union all select $x",
    "select * from (show all tables)",
    "with duckdb_tables as (select * from duckdb_tables) select * from duckdb_tables",
    "with sqlite_master as (from sqlite_master) select sql as x from sqlite_master",
    "prepare p as select $x; execute p",
    "select x from (select 1 as x) group by x having $x is not null or error($x) is null",
    "select case when $x is null then 1 else error($x) end as x", "select $c as x from $f using sample 100%",
    "select * from $f natural join $f", "from $f select $c where $c is not null", "select {'a': $x}.a as x",
)  # fmt: skip

#: Where a chart takes SQL.
ENTRIES = ("metric", "column", "where", "having", "orderby", "adhoc", "map metric", "map filter", "metric as csv")


@dataclass(frozen=True)
class Hostile:
    """One attempt.

    Attributes:
        entry: Where the text is given: one of `ENTRIES`, or `sql lab`.
        sql: The text.
    """

    entry: str
    sql: str


def for_charts(tables: Sequence[Place], seed: int) -> Iterator[Hostile]:
    """Yield expressions for charts without end; the same for the same seed."""
    dice = random.Random(seed)
    while True:
        scalar = _scalar(dice, dice.choice(tables))
        text = _fill(dice.choice(DISGUISES), x=scalar)
        entry = dice.choice(ENTRIES)
        if entry in {"where", "adhoc", "map filter"}:
            text = dice.choice((f"{scalar} is not null", f"1 = 1) or ({text} is null", f"territory_code in ({scalar})"))
        yield Hostile(entry, text)


def for_sql_lab(tables: Sequence[Place], seed: int) -> Iterator[Hostile]:
    """Yield scripts for SQL Lab without end; the same for the same seed."""
    dice = random.Random(seed)
    while True:
        place = dice.choice(tables)
        scalar = _scalar(dice, place)
        if dice.random() < 0.3:
            scalar = _fill(dice.choice(DISGUISES), x=scalar)
        yield Hostile("sql lab", _fill(dice.choice(STATEMENTS), x=scalar, f=_spelt(dice, place), **_names(place)))


def _scalar(dice: random.Random, place: Place) -> str:
    return _fill(dice.choice(SCALARS), f=_spelt(dice, place), **_names(place))


def _spelt(dice: random.Random, place: Place) -> str:
    spelling = SPELLINGS[0] if dice.random() < 0.4 else dice.choice(SPELLINGS)
    return _fill(spelling, **_names(place))


def _names(place: Place) -> dict[str, str]:
    schema, _, table = place[0].partition(".")
    return {"s": schema, "t": table, "S": schema.upper(), "T": table.title(), "c": place[1]}


def _fill(template: str, **values: str) -> str:
    """Fill in names of one letter after a dollar; dollar quotes and parameters stay as they are."""
    return re.sub(r"\$([A-Za-z])(?!\w)", lambda name: values.get(name[1], name[0]), template)
