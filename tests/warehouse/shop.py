"""A dbt project of eight nodes, built by the real dbt in a home of its own, and whatever may happen to it."""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from core import settings
from core.settings import Home
from warehouse import dbt_project, staleness

#: The macros that keep the status of a build are those of the platform.
SHARED = ("build_status", "rollup", "sql")

FILES = {
    "dbt_project.yml": """
name: cyberimpact
version: "1.0"
profile: shop
macro-paths: [macros]
flags: {send_anonymous_usage_stats: false}
on-run-start: ["{{ drop_former_tables() }}", "{{ build_status_start() }}"]
on-run-end: "{{ build_status_finish(results) }}"
models: {cyberimpact: {+materialized: table, +persist_docs: {relation: true}}}
data_tests: {cyberimpact: {+severity: warn, +meta: {on_failure: hold_back}}}
""",
    "profiles.yml": """
shop:
  target: daily
  outputs:
    daily: {type: duckdb, path: "{{ env_var('SHOP') }}", threads: 1, settings: {TimeZone: UTC}}
""",
    "macros/shop.sql": """
{% macro generate_schema_name(name, node) %}shop{% endmacro %}
{% macro paris_today() %}(select today from calendar.now){% endmacro %}
{% macro taxed(price) %}{{ doubled(price) }} + 1{% endmacro %}
{% macro doubled(price) %}{{ adapter.dispatch('times')(price) }}{% endmacro %}
{% macro duckdb__times(price) %}{{ price }} * 2{% endmacro %}
""",
    "models/_sources.yml": """
sources:
  - {name: shop, database: warehouse, schema: raw_shop, tables: [{name: sales}]}
  - {name: market, database: warehouse, schema: raw_market, tables: [{name: visits}]}
""",
    "models/_models.yml": """
models:
  - name: fct_sale
    description: Sales.
    columns: [{name: sale_id, data_tests: [unique, not_null]}]
  - name: fct_visit
    description: Visits.
""",
    "models/stg_sale.sql": """
{{ config(materialized='view') }}
select sale_id, place, cast(price as integer) as price, sold_on from {{ source('shop', 'sales') }}
""",
    "models/fct_sale.sql": """
select sale_id, label, {{ taxed('price') }} as price, sold_on
from {{ ref('stg_sale') }} left join {{ ref('places') }} using (place)
""",
    "models/fct_recent.sql": """
select sale_id, {{ paris_today() }} - sold_on as age from {{ ref('fct_sale') }}
where sold_on > {{ paris_today() }} - 5
""",
    "models/fct_priced.py": """
import pyarrow as pa

from shopmath.pricing import rounded


def model(dbt, session):
    dbt.config(materialized="table")
    rows = dbt.ref("fct_sale").select("sale_id", "price").order("sale_id").fetchall()
    return pa.table({"sale_id": [key for key, _ in rows], "price": [rounded(price) for _, price in rows]})
""",
    "models/fct_visit.sql": """
select place, count(visit_id) as visits from {{ source('market', 'visits') }} group by place
""",
    "models/total.sql": """
select 'sales' as kind, count(sale_id) as n, sum(price) as amount from {{ ref('fct_priced') }}
union all
select 'visits', count(place), sum(visits) from {{ ref('fct_visit') }}
""",
    "seeds/places.csv": "place,label\na,Alpha\nb,Beta\n",
}
PRICING = "from shopmath import steps\n\n\ndef rounded(price):\n    return price // steps.step() * steps.step()\n"
STEPS = "def step():\n    return {}\n"
MODELS = ("stg_sale", "fct_sale", "fct_recent", "fct_priced", "fct_visit", "total", "places")


class Shop:
    """The project, its raw tables, and what happens to them."""

    def __init__(self, home: Home, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.folder = folder
        self.today = date(2026, 11, 20)
        self.sales = 0
        self._parsed = ""
        project = folder / "project"
        for name, text in FILES.items():
            self._write(project / name, text.lstrip())
        for name in SHARED:
            file = dbt_project.PROJECT_DIR / "macros" / f"{name}.sql"
            self._write(project / "macros" / file.name, file.read_text(encoding="utf-8"))
        self._write(folder / "shopmath" / "__init__.py", "")
        self._write(folder / "shopmath" / "pricing.py", PRICING)
        self._write(folder / "shopmath" / "steps.py", STEPS.format(1))
        patch.setattr(settings, "CODE", folder)
        patch.setattr(dbt_project, "PROJECT_DIR", project)
        patch.setattr(dbt_project, "read_manifest", self.manifest)
        patch.setattr(staleness, "EVERYWHERE", ("project/dbt_project.yml", "project/profiles.yml"))
        patch.setattr(staleness, "PACKAGES", ("shopmath",))
        patch.setattr(staleness, "collect_loads", lambda: None)
        patch.setattr(staleness, "clock", SimpleNamespace(today=lambda: self.today, now=lambda: datetime.now(UTC)))
        home.root.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute("create schema raw_shop; create schema raw_market; create schema calendar")
            connection.execute("create table calendar.now as select date '2026-11-20' as today")
            connection.execute(
                "create table raw_shop.sales (sale_id int, place varchar, price varchar, sold_on date,"
                " _dlt_id varchar, _dlt_load_id varchar)"
            )
            connection.execute("create table raw_market.visits (visit_id int, place varchar)")

    def _write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def manifest(self) -> dict[str, Any]:
        """Return the manifest, parsed again when a file of the project has changed."""
        if self._parsed != (current := dbt_project.fingerprint()):
            assert self.dbt(self.home.warehouse, "--quiet", "parse", "--no-partial-parse") == 0
            self._manifest = json.loads((self.folder / "target" / "manifest.json").read_bytes())
            self._parsed = current
        return self._manifest

    def dbt(self, database: Path, *arguments: str, killed: bool = False) -> int | None:
        """Run dbt in a child, and return its exit code; killed, it dies once it has begun."""
        process = multiprocessing.get_context("fork").Process(target=self._become_dbt, args=(database, arguments))
        process.start()
        if killed:
            while process.is_alive() and not self._has_begun():
                time.sleep(0.01)
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        return process.exitcode

    def _has_begun(self) -> bool:
        log = self.folder / "logs" / "dbt.log"
        return log.exists() and "OK created" in log.read_text(encoding="utf-8")

    def _become_dbt(self, database: Path, arguments: tuple[str, ...]) -> None:
        sys.path.insert(0, str(self.folder))
        os.environ |= {
            "SHOP": str(database),
            "DBT_PROFILES_DIR": str(dbt_project.PROJECT_DIR),
            "DBT_PROJECT_DIR": str(dbt_project.PROJECT_DIR),
            "DBT_PROFILE": "shop",
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        from dbt.cli.main import dbtRunner

        os._exit(0 if dbtRunner().invoke(list(arguments)).success else 1)

    # ---- builds

    def build(self, *, killed: bool = False) -> set[str]:
        """Build what has news, as the platform does, and return the names of models and seeds that were chosen."""
        news = staleness.look(self.home)
        chosen = {uid.split(".")[2] for uid in news.stale if not uid.startswith("test.")}
        if news.stale:
            (self.folder / "logs" / "dbt.log").unlink(missing_ok=True)
            options = staleness.write_selection(self.folder / "selection", news.stale)
            self.dbt(self.home.warehouse, "--quiet", "build", *options, killed=killed)
            if not killed:
                staleness.record(self.home, news)
        return chosen

    def select(self, name: str) -> None:
        """Build one node and its checks, as `cyberimpact build --select` does."""
        news = staleness.look(self.home)
        self.dbt(self.home.warehouse, "--quiet", "build", "--select", name)
        staleness.record(self.home, news)

    def has_news(self) -> set[str]:
        return {uid.split(".")[2] for uid in staleness.look(self.home).stale}

    def tables(self, database: Path) -> dict[str, list[tuple]]:
        with duckdb.connect(str(database), read_only=True) as connection:
            return {name: connection.execute(f"from shop.{name} order by all").fetchall() for name in MODELS}

    def full(self) -> dict[str, list[tuple]]:
        """Return the tables of a full build of the same raw tables in another file."""
        file = self.folder / "full" / self.home.warehouse.name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"attach '{self.home.warehouse}' as here (read_only); attach '{file}' as there")
            for schema, table in (("raw_shop", "sales"), ("raw_market", "visits"), ("calendar", "now")):
                connection.execute(f"create schema there.{schema}")
                connection.execute(f"create table there.{schema}.{table} as from here.{schema}.{table}")
        assert self.dbt(file, "--quiet", "build") == 0
        return self.tables(file)

    # ---- what happens

    def execute(self, statement: str, *values: Any) -> None:
        with duckdb.connect(str(self.home.warehouse)) as connection:
            connection.execute(statement, values or None)

    def load(self, rng: random.Random) -> None:
        self.sales += 1
        day = self.today - timedelta(days=rng.randrange(8))
        key, load = self.sales, f"load-{self.sales}-{rng.random()}"
        self.execute(
            "insert into raw_shop.sales values (?, ?, ?, ?, ?, ?)",
            *(key, rng.choice("abc"), str(rng.randrange(100)), day, f"row-{rng.random()}", load),
        )

    def visit(self, rng: random.Random) -> None:
        self.execute("insert into raw_market.visits values (?, ?)", rng.randrange(10**6), rng.choice("ab"))

    def forget(self, _: random.Random) -> None:
        self.execute("delete from raw_shop.sales where sale_id in (select min(sale_id) from raw_shop.sales)")

    def pass_day(self, rng: random.Random) -> None:
        self.today += timedelta(days=rng.randrange(1, 4))
        self.execute("update calendar.now set today = ?", self.today)

    def change_macro(self, rng: random.Random) -> None:
        text = FILES["macros/shop.sql"].replace("* 2", f"* {rng.randrange(2, 9)}")
        self._write(dbt_project.PROJECT_DIR / "macros" / "shop.sql", text)

    def change_model(self, rng: random.Random) -> None:
        text = FILES["models/fct_visit.sql"].replace("count(visit_id)", f"count(visit_id) + {rng.randrange(9)}")
        self._write(dbt_project.PROJECT_DIR / "models" / "fct_visit.sql", text)

    def change_module(self, rng: random.Random) -> None:
        self._write(self.folder / "shopmath" / "steps.py", STEPS.format(rng.randrange(1, 9)))

    def change_while_built(self, rng: random.Random) -> None:
        """Code changes between the look and dbt, and is what it was before the build ends."""
        news, file = staleness.look(self.home), dbt_project.PROJECT_DIR / "models" / "fct_visit.sql"
        former = file.read_text(encoding="utf-8")
        self._write(file, FILES["models/fct_visit.sql"].replace("count(visit_id)", f"10 + {rng.randrange(9)}"))
        self.dbt(self.home.warehouse, "--quiet", "build")
        self._write(file, former)
        staleness.record(self.home, news)

    def change_seed(self, rng: random.Random) -> None:
        self._write(dbt_project.PROJECT_DIR / "seeds" / "places.csv", f"place,label\na,Alpha {rng.random()}\nb,Beta\n")

    def build_by_hand(self, rng: random.Random) -> None:
        self.dbt(self.home.warehouse, "--quiet", "run", "--select", rng.choice(MODELS[:-1]))

    def select_one(self, rng: random.Random) -> None:
        self.select(rng.choice(MODELS))

    def die(self, rng: random.Random) -> None:
        self.load(rng)
        self.build(killed=True)

    def fail(self, rng: random.Random) -> None:
        """A price that is no number fails a model; what follows keeps its former table until it is corrected."""
        self.load(rng)
        self.execute("update raw_shop.sales set price = 'dear', _dlt_id = 'bad' where sale_id = ?", self.sales)
        self.build()
        self.execute("update raw_shop.sales set price = '7', _dlt_id = 'good' where sale_id = ?", self.sales)

    def drop(self, rng: random.Random) -> None:
        self.execute(f"drop table if exists shop.{rng.choice(('fct_sale', 'fct_recent', 'total'))}")

    def events(self) -> list[Callable[[random.Random], None]]:
        return [
            *(self.load, self.visit, self.forget, self.pass_day, self.change_macro, self.change_model),
            *(self.change_module, self.change_seed, self.build_by_hand, self.select_one, self.die, self.fail),
            *(self.drop, self.change_while_built),
        ]
