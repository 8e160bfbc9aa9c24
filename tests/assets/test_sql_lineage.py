"""What each column of a query comes from, and what decides its rows: expected by hand, and checked by DuckDB."""

import duckdb
import pytest
from sqlglot import MappingSchema, exp, parse_one
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from assets.dbt.sql_lineage import DIALECT, trace_query

TABLES = {
    "answers": {"id": "int", "review": "int", "question": "text", "mark": "int", "day": "date", "idle": "int"},
    "reviews": {"id": "int", "service": "text", "day": "date", "idle": "int"},
    "counts": {"id": "int", "service": "text", "mark": "int", "number": "int", "idle": "int"},
}
SCHEMA = MappingSchema({"raw": TABLES}, dialect=DIALECT)

#: Query -> for each column of it, and `*` for its rows: kind -> columns of `raw`.
QUERIES: dict[str, dict[str, dict[str, str]]] = {
    "select id as key, mark + 1 as mark from raw.answers where question = 'a'": {
        "key": {"value": "answers.id"},
        "mark": {"value": "answers.mark"},
        "*": {"condition": "answers.question", "count": "answers.*"},
    },
    "select count(*) as number from raw.answers": {
        "number": {"count": "answers.*"},
        "*": {"count": "answers.*"},
    },
    """
    select sum(mark) filter (where question = 'a') as good, sum(case when day > '2026-01-01' then id end) as late
    from raw.answers
    """: {
        "good": {"value": "answers.mark", "condition": "answers.question"},
        "late": {"value": "answers.id", "condition": "answers.day"},
        "*": {"count": "answers.*"},
    },
    "select service, max(number) as most from raw.counts group by service having min(mark) > 0": {
        "service": {"value": "counts.service"},
        "most": {"value": "counts.number"},
        "*": {"group": "counts.service", "condition": "counts.mark", "count": "counts.*"},
    },
    "select question, count(id) as number from raw.answers group by all": {
        "question": {"value": "answers.question"},
        "number": {"value": "answers.id"},
        "*": {"group": "answers.question", "count": "answers.*"},
    },
    # The same name is a table of `raw` and a query: the query is read.
    "with answers as (select review as id from raw.answers where mark > 1) select id from answers": {
        "id": {"value": "answers.review"},
        "*": {"condition": "answers.mark", "count": "answers.*"},
    },
    "select * from (select * exclude (idle, day) from raw.reviews) as kept": {
        "id": {"value": "reviews.id"},
        "service": {"value": "reviews.service"},
        "*": {"count": "reviews.*"},
    },
    # One branch has numbers, the other counts its rows: no column of an answer enters the value.
    """
    with joined as (
        select answers.question, 1 as number
        from raw.answers inner join raw.reviews on answers.review = reviews.id
        union all
        select service, number from raw.counts where mark is not null
    )
    select sum(number) as number from joined where question <> 'b'
    """: {
        "number": {"value": "counts.number", "count": "answers.* reviews.*"},
        "*": {
            "join": "answers.review reviews.id",
            "condition": "counts.mark answers.question counts.service",
            "count": "answers.* reviews.* counts.*",
        },
    },
    "select id from raw.answers union select id from raw.counts": {
        "id": {"value": "answers.id counts.id"},
        "*": {"group": "answers.id counts.id", "count": "answers.* counts.*"},
    },
    "select distinct service from raw.counts": {
        "service": {"value": "counts.service"},
        "*": {"group": "counts.service", "count": "counts.*"},
    },
    "select distinct on (review) mark from raw.answers order by review, day, id": {
        "mark": {"value": "answers.mark"},
        "*": {"group": "answers.review answers.day answers.id", "count": "answers.*"},
    },
    "select mark from raw.answers qualify row_number() over (partition by review order by day desc, id) = 1": {
        "mark": {"value": "answers.mark"},
        "*": {"group": "answers.review answers.day answers.id", "count": "answers.*"},
    },
    # A rank is computed in one query and chosen in the next.
    """
    with ranked as (select id, sum(mark) over (partition by review order by day, id) as rank from raw.answers)
    select id, rank from ranked where rank = 1
    """: {
        "id": {"value": "answers.id"},
        "rank": {"value": "answers.mark", "group": "answers.review answers.day answers.id"},
        "*": {"condition": "answers.mark", "group": "answers.review answers.day answers.id", "count": "answers.*"},
    },
    """
    select later.mark - former.mark as gain
    from raw.answers as later, raw.answers as former
    where later.id = former.review
    """: {
        "gain": {"value": "answers.mark"},
        "*": {"condition": "answers.id answers.review", "count": "answers.*"},
    },
    """
    select service, answers.mark
    from raw.reviews
    left join raw.answers using (id)
    left join raw.counts using (service)
    """: {
        "service": {"value": "reviews.service counts.service"},
        "mark": {"value": "answers.mark"},
        "*": {
            "join": "reviews.id answers.id reviews.service counts.service",
            "count": "reviews.* answers.* counts.*",
        },
    },
    # What a correlated query names of the query around it; what one compares with.
    """
    select id from raw.reviews
    where exists (select 1 from raw.answers where answers.review = reviews.id and mark > 2)
        and service in (select service from raw.counts order by number desc, id limit 2)
    """: {
        "id": {"value": "reviews.id"},
        "*": {
            "condition": "answers.review reviews.id answers.mark reviews.service counts.service",
            "group": "counts.number counts.id",
            "count": "reviews.* answers.* counts.*",
        },
    },
    "select id, (select max(mark) from raw.answers where answers.review = reviews.id) as best from raw.reviews": {
        "id": {"value": "reviews.id"},
        "best": {"value": "answers.mark"},
        "*": {"condition": "answers.review reviews.id", "count": "reviews.* answers.*"},
    },
    """
    select
        percentile_cont(0.5) within group (order by mark) as middle, string_agg(question, ',' order by id) as words,
        true as is_known, cast(null as int) as nothing, 'total' as part
    from raw.answers
    """: {
        "middle": {"value": "answers.mark"},
        "words": {"value": "answers.question", "group": "answers.id"},
        "is_known": {}, "nothing": {}, "part": {},
        "*": {"count": "answers.*"},
    },
    "select answers.id from raw.answers cross join raw.counts": {
        "id": {"value": "answers.id"},
        "*": {"count": "answers.* counts.*"},
    },
    """
    with recursive chain as (
        select id, review, mark from raw.answers where mark > 3
        union all
        select answers.id, answers.review, answers.mark
        from raw.answers inner join chain on answers.review = chain.id + 1
        where answers.id > chain.id
    )
    select id from chain
    """: {
        "id": {"value": "answers.id"},
        "*": {"condition": "answers.mark answers.id", "join": "answers.review answers.id", "count": "answers.*"},
    },
}  # fmt: skip


def flat(traced: dict) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for column, origins in traced.items():
        found[column] = {}
        for origin in origins:
            assert origin.schema == "raw"
            found[column].setdefault(origin.kind.value, set()).add(f"{origin.table}.{origin.column}")
    return found


@pytest.mark.parametrize("sql", QUERIES)
def test_columns_and_rows_have_their_origins(sql: str) -> None:
    expected = {
        column: {kind: set(names.split()) for kind, names in kinds.items()} for column, kinds in QUERIES[sql].items()
    }
    assert flat(trace_query(sql, SCHEMA)) == expected


def test_a_catalog_names_no_other_relation() -> None:
    assert flat(trace_query('select id from "warehouse"."raw"."answers"', SCHEMA))["id"] == {"value": {"answers.id"}}


@pytest.mark.parametrize("sql", QUERIES)
def test_no_column_that_a_query_uses_is_lost(sql: str) -> None:
    named = {origin[:3] for origins in trace_query(sql, SCHEMA).values() for origin in origins}
    used = columns_used(sql, SCHEMA)
    assert used - named == set()


def columns_used(sql: str, schema: MappingSchema) -> set[tuple[str, str, str]]:
    """Return the columns of tables that any part of a query names, but for those that only an unused column names."""
    query = parse_one(sql, dialect=DIALECT)
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
    needed = pushdown_projections(
        qualify(query, schema=schema, dialect=DIALECT, validate_qualify_columns=False), schema=schema
    )
    return {
        (source.db.lower(), source.name.lower(), column.name.lower())
        for scope in traverse_scope(needed)
        for column in scope.columns
        if isinstance(source := scope.sources.get(column.table), exp.Table)
    }


@pytest.mark.parametrize("sql", QUERIES)
def test_what_is_not_named_changes_nothing(sql: str) -> None:
    named = {origin[1:3] for origins in trace_query(sql, SCHEMA).values() for origin in origins}
    others = [(table, name) for table, names in TABLES.items() for name in names if (table, name) not in named]
    assert others, "each table has a column that no query reads"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("create schema raw; select setseed(0.5)")
        for table, names in TABLES.items():
            values = ", ".join(f"{value(name, kind)} as {name}" for name, kind in names.items())
            connection.execute(f"create table raw.{table} as select {values} from range(60) as n(i)")
        before = sorted(connection.execute(sql).fetchall(), key=repr)
        assert before
        for table, name in others:
            other = "59 - id" if name == "id" else value(name, TABLES[table][name])
            connection.execute(f"update raw.{table} set {name} = {other}")
        assert sorted(connection.execute(sql).fetchall(), key=repr) == before


def value(name: str, kind: str) -> str:
    """Return the SQL of a random value; few distinct ones, so that joins and groups meet."""
    match kind:
        case "text":
            return "['a', 'b', 'c'][1 + (random() * 3)::int % 3]"
        case "date":
            return "date '2025-12-01' + (random() * 60)::int"
    return "i" if name == "id" else "(random() * 9)::int"
