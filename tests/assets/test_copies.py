"""When the daily job makes no copy: where it would show what the last one shows."""

import duckdb
import pytest

from assets.serving import copies
from core.settings import Home
from tests import handmade
from warehouse import staleness
from warehouse.published import DAILY, current


@pytest.fixture
def published(home: Home) -> Home:
    """A warehouse that was built and published."""
    handmade.write_warehouse(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "create table audit.build_fingerprint as select 'model.x.y' as unique_id, 'a' as fingerprint"
        )
        connection.execute("create table audit.held_back (kpi_code varchar)")
    handmade.write_copy(home, "create table t as select 1 as n").with_name(copies.STATE).write_text(
        staleness.publication_state(home) or ""
    )
    return home


def test_what_was_published_is_not_published_again(published: Home) -> None:
    assert copies.unchanged(published, DAILY) == current(published, DAILY)


@pytest.mark.parametrize(
    "change",
    [
        "update audit.build_status set status = 'fail'",
        "update audit.build_fingerprint set fingerprint = 'b'",
        "insert into audit.held_back values ('visits')",
        "drop table audit.build_fingerprint",
    ],
)
def test_another_build_is_published(published: Home, change: str) -> None:
    with duckdb.connect(str(published.warehouse)) as connection:
        connection.execute(change)
    assert copies.unchanged(published, DAILY) is None


def test_a_copy_that_does_not_say_what_it_was_made_of_is_made_again(published: Home) -> None:
    (published.published / "daily" / "current" / copies.STATE).unlink()
    assert copies.unchanged(published, DAILY) is None
