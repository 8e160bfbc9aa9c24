"""Every dataset with territories, in both databases: who is bound to one is given its rows and the nation's.

Each table has rows of France, of the Gironde and of the Rhône here, so that a rule that does not hold lets some pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml
from supersync.client import Client

from tests.superset import people
from tests.superset.attacks import is_refusal, text
from tests.superset.conftest import BUNDLE, Server
from tests.superset.copies import altered
from tests.superset.people import People, Person

#: Code and level of the territories that each table is given rows of.
PLACES = (("FR", "nation"), ("FR-33", "departement"), ("FR-69", "departement"))
OWN, OTHER = {"FR", "FR-33"}, {"FR-69"}

EXCUSED = yaml.safe_load((people.POLICIES / "rls.yml").read_text(encoding="utf-8"))["without_territory"]
COVERED = sorted(path.stem for path in (BUNDLE / "datasets").glob("*.yaml") if path.stem not in EXCUSED)


def statements(file: Path) -> Iterator[str]:
    """Yield what gives each table of a copy with territories rows of all three.

    Each row is repeated twice: as it is but for its place, for a query that chooses a level; and with the level of the
    place, for one that looks the place up.
    """
    with duckdb.connect(str(file), read_only=True) as copy:
        found = copy.execute(
            "select schema_name || '.' || table_name, list(column_name) "
            "from duckdb_columns() inner join duckdb_tables() using (database_name, schema_name, table_name) "
            "where table_name <> 'dim_territory' group by all"
        ).fetchall()
    for table, columns in found:
        if "territory_code" not in columns:
            continue
        columns_added = ["place as territory_code"], ["place as territory_code", "level_of_place as territory_level"]
        for replaced in columns_added if "territory_level" in columns else columns_added[:1]:
            yield f"""
                insert into {table} by name
                select kept.* replace ({", ".join(replaced)})
                from (from {table} where territory_code in ('FR', 'FR-33') or territory_code not like 'FR%') as kept
                cross join (values {", ".join(map(str, PLACES))}) as places (place, level_of_place)"""


@dataclass(frozen=True)
class Given:
    """The server's numbers of the datasets, and which of them the role of a département reads."""

    numbers: Mapping[str, int]
    readable: frozenset[str]


@pytest.fixture(scope="module")
def given(server: Server, administration: Client, tmp_path_factory) -> Iterator[Given]:
    """What there is to be read, over copies with rows of every place."""
    bundle, declared = people.grant(server, administration, tmp_path_factory.mktemp("policies"))
    assert declared.covered == set(COVERED)
    ids = administration.ids("dataset")
    (role,) = (role for role in declared.roles if role.name == "departement-FR-33")
    with altered(server.home, administration, bundle, "places", lambda _, file: statements(file)):
        yield Given({dataset.slug: ids[dataset.uuid] for dataset in bundle.datasets}, role.datasets)


@pytest.fixture(scope="module")
def folk(server, administration, given) -> People:  # noqa: ARG001 - that fixture makes them
    return People(server.url, administration)


def places(person: Person, dataset: int) -> set[str] | None:
    """Return the territories whose rows somebody is given; None for a refusal."""
    query = {"columns": ["territory_code"], "metrics": [], "row_limit": 10_000}
    body = {"datasource": {"id": dataset, "type": "table"}, "queries": [query]}
    answer = person.post("/api/v1/chart/data", json=body)
    if is_refusal(text(answer)):
        return None
    return {row["territory_code"] for row in answer.json()["result"][0]["data"]}


@pytest.mark.parametrize("dataset", COVERED)
def test_whoever_is_bound_to_a_territory_is_given_its_rows_and_the_nations(folk, given, dataset):
    number = given.numbers[dataset]
    seen = places(folk["analyste"], number)
    assert seen is not None
    assert seen >= OTHER  # else a leak could not be noticed
    assert seen & OWN  # a text is the row of its own territory alone, not the nation's too
    assert places(folk["analyste_gironde"], number) == seen & OWN
    assert places(folk["gironde"], number) == (seen & OWN if dataset in given.readable else None)
