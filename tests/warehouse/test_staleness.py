"""A build of what has news leaves what a full build leaves, whatever happened before; real dbt on a small project."""

import random
from pathlib import Path

import pytest

from core.settings import Home
from tests.warehouse.shop import MODELS, Shop

#: What a build of everything chooses.
ALL = set(MODELS)


@pytest.fixture
def shop(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401 - imported once, for all children

    return Shop(home, tmp_path / "checkout", monkeypatch)


def test_each_kind_of_news_builds_what_follows_from_it_and_nothing_else(shop: Shop) -> None:
    rng = random.Random(1)
    shop.load(rng)
    shop.visit(rng)
    assert shop.build() == ALL
    assert shop.has_news() == set()
    shop.visit(rng)
    assert shop.build() == {"fct_visit", "total"}
    shop.change_module(rng)
    assert shop.build() == {"fct_priced", "total"}
    shop.pass_day(rng)
    assert shop.build() == {"fct_recent"}
    shop.change_macro(rng)
    assert shop.build() == {"fct_sale", "fct_recent", "fct_priced", "total"}
    assert shop.tables(shop.home.warehouse) == shop.full()
    assert shop.has_news() == set()


def test_code_that_changed_while_it_was_built_is_built_anew(shop: Shop) -> None:
    rng = random.Random(2)
    shop.load(rng)
    shop.visit(rng)
    shop.build()
    shop.change_while_built(rng)
    assert shop.tables(shop.home.warehouse) != shop.full(), "the build has taken the other code"
    assert shop.build() == ALL
    assert shop.tables(shop.home.warehouse) == shop.full()
    assert shop.has_news() == set()


def test_what_follows_a_model_that_failed_keeps_its_rows_and_is_built_the_next_time(shop: Shop) -> None:
    rng = random.Random(3)
    shop.load(rng)
    shop.build()
    former = shop.tables(shop.home.warehouse)
    shop.visit(rng)
    shop.fail(rng)
    now = shop.tables(shop.home.warehouse)
    follows = ("fct_sale", "fct_recent", "fct_priced", "total")
    assert [now[name] for name in follows] == [former[name] for name in follows]
    assert now["fct_visit"] != former["fct_visit"], "what does not follow is built"
    assert shop.build() == {"stg_sale", *follows}
    assert shop.tables(shop.home.warehouse) == shop.full()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_build_of_what_has_news_leaves_what_a_full_build_leaves(shop: Shop, seed: int) -> None:
    rng = random.Random(seed)
    shop.load(rng)
    happened: list[str] = []
    for _ in range(8):
        for event in rng.choices(shop.events(), k=rng.randrange(1, 3)):
            happened.append(event.__name__)
            event(rng)
        shop.build()
        assert shop.tables(shop.home.warehouse) == shop.full(), happened
        assert shop.has_news() == set(), happened
