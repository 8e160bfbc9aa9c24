"""Measures dbt on millions of rows against DuckDB queries by hand that aggregate the same.

Run it as `python -m benchmarks.warehouse [--mentions N] [--feedback N]`. Rows are made by DuckDB inside the
warehouse of a home of its own, where a load and the archive would leave them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FEEDBACK_MODELS = ("dim_listing", "int_partoo_review", "fct_google_review", "fct_feedback")
FEEDBACK_KPIS = ("kpi_feedback_index", "kpi_google_rating", "kpi_google_answer_rate", "kpi_negative_reviews_share")
MENTION_KPIS = ("kpi_mentions", "kpi_reach")
#: What is built of the archive of mentions, and nothing of which costs as much as dbt's start.
MENTION_MODELS = ("int_mention_day", *(f"{kpi}__days" for kpi in MENTION_KPIS), *MENTION_KPIS)
SMALL_MODEL = "dim_platform"
DAYS = 400

#: Mentions of `DAYS` days as the archive holds them; `{first}` and `{days}` say which days.
_MENTIONS = """
select
    md5('mention {first} ' || i) as mention_id,
    published_on + interval 12 hour as published_at,
    published_on,
    ['x', 'facebook', 'press', 'forum', 'telegram', 'tiktok', 'web'][1 + cast(hash(i) % 7 as bigint)] as network,
    ['crues', 'crues;secours', 'incendies', 'secours', null][1 + cast(hash(i + 3) % 5 as bigint)] as topics,
    territories[1 + cast(hash(i + 1) % len(territories) as bigint)] as territory_code,
    cast(hash(i + 2) % 5000 as bigint) as potential_reach,
    cast(i % 20 as bigint) as engagement,
    i % 11 - 5 as sentiment,
    i % 3 = 0 as is_share,
    '1' as source_load_id
from
    (
        select i, cast(date '2024-06-01' + cast({first} + i * {days} // {rows} as integer) as date) as published_on
        from range({rows}) as numbers (i)
    ),
    (
        select list(territory_code order by territory_code) as territories
        from {catalog}reference.dim_territory
        where territory_level in ('departement', 'abroad', 'unknown')
    )
"""

_LISTINGS = """
insert into raw_partoo.businesses by name
select i as id, 'unit ' || i as code, 'open' as status, 'Brigade ' || i as name, departement_code as department_code,
    'listing ' || i as _dlt_id, '1' as _dlt_load_id
from (
    select departement_code, row_number() over (order by departement_code) as i
    from reference.territories, range(30)
)
"""

_REVIEWS = """
insert into raw_partoo.reviews by name
select
    {offset} + i as id,
    cast(hash(i) % 3000 as bigint) as business_id,
    'google_my_business' as partner,
    timestamptz '2024-06-01 12:00:00+00' + to_days(cast({first} + i % {days} as integer)) as date,
    timestamptz '2024-06-01 12:00:00+00' + to_days(cast({first} + i % {days} as integer)) as update_date,
    1 + hash(i + 1) % 5 as rating,
    case when i % 2 = 0 then 'Texte' end as content,
    cast(i % 3 = 0 as bigint) as comments_count,
    'review ' || ({offset} + i) as _dlt_id,
    '1' as _dlt_load_id
from range({rows}) as numbers (i)
"""

#: The same figures by hand: summed by day and territory first, then over periods and levels.
_BY_HAND = """
create or replace table {table}_by_hand as
with days as (
    select
        {day} as occurred_on, territory_code, {split} as part, sum({numerator}) as numerator, count(*) as observations
    from {source}
    group by all
),
parts as (
    select occurred_on, territory_code, 'total' as part, sum(numerator) as numerator, sum(observations) as observations
    from days group by all
    union all
    from days
)
select
    period_type, period_start, territory_level, level_code, part,
    sum(numerator) as numerator, sum(observations) as observations, sum(numerator) / sum(observations) as value
from parts
inner join reference.bridge_calendar_period on occurred_on = date_day
inner join reference.bridge_territory_level using (territory_code)
where part = 'total' or period_type in ('month', 'quarter', 'year')
group by all
"""

HAND = {
    "kpi_mentions": {"source": "visibility.fct_mention", "day": "published_on", "split": "network", "numerator": "1"},
    "kpi_reach": {
        "source": "visibility.fct_mention",
        "day": "published_on",
        "split": "network",
        "numerator": "potential_reach",
    },
    "kpi_feedback_index": {
        "source": "perception.fct_feedback",
        "day": "occurred_on",
        "split": "platform",
        "numerator": "cast(normalised_score as decimal(38, 6))",
    },
}


class Cost(NamedTuple):
    """What a process took: elapsed and processor seconds, and its largest memory."""

    elapsed: float
    processor: float
    mebibytes: int


def measured(command: Sequence[str], home: Path) -> Cost:
    """Run a process on the home and return what it took.

    Raises:
        SystemExit: it failed; what it said is shown.
    """
    environment = os.environ | {"CYBERIMPACT_HOME": str(home), "CYBERIMPACT_PSEUDONYM_KEY": "measured"}
    with (home / "output").open("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(output.read())
    return Cost(elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10)


def dbt(home: Path, *arguments: str) -> Cost:
    return measured([sys.executable, "-c", _DBT, "--quiet", *arguments], home)


#: dbt in the place of the process, not below it: its memory is asked for.
_DBT = """
import os, sys
from warehouse import dbt_project
os.execve(dbt_project.DBT, [dbt_project.DBT, *sys.argv[1:]], os.environ | dbt_project.environment())
"""

_EMPTY = """
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import ensure_tables
from warehouse import dbt_project
for platform in dbt_project.platforms_read(dbt_project.read_manifest(), dbt_project.DAILY):
    ensure_tables(platform)
collect_loads()
"""


def by_hand(home: Path, kpi: str) -> Cost:
    statement = _BY_HAND.format(table=f"kpi.{kpi}", **HAND[kpi])
    return measured([sys.executable, "-c", _RUN, str(home / "warehouse.duckdb"), statement], home)


_RUN = "import sys, duckdb; duckdb.connect(sys.argv[1], config={'threads': 2}).execute(sys.argv[2])"


def fill(home: Path, statements: Sequence[str]) -> None:
    """Make rows in a process of its own: a child is charged with the memory of the one that it forks from."""
    measured([sys.executable, "-c", _RUN, str(home / "warehouse.duckdb"), ";".join(statements)], home)


def prepare(home: Path) -> None:
    """Create empty raw tables and what every model stands on."""
    measured([sys.executable, "-c", _EMPTY], home)
    wanted = (*FEEDBACK_MODELS, *FEEDBACK_KPIS, *MENTION_KPIS, SMALL_MODEL)
    dbt(home, "build", *WITHOUT_TESTS, "--select", *(f"+{model}" for model in wanted))


WITHOUT_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


def publish_day(home: Path, first: int, rows: int) -> None:
    """Leave a published live copy with the mentions of one day, for the archive to take."""
    folder = home / "published" / "live" / "20260101T000000Z-abcdef"
    folder.mkdir(parents=True)
    warehouse = f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only)"
    mentions = _MENTIONS.format(first=first, days=1, rows=rows, catalog="warehouse.")
    statements = f"{warehouse}; create schema visibility; create table visibility.live_mention as {mentions}"
    measured([sys.executable, "-c", _RUN, str(folder / "live_serving.duckdb"), statements], home)
    (folder.parent / "current").symlink_to(folder.name)


def builds(home: Path, title: str) -> None:
    """Print what each model takes, and what the queries by hand take."""
    hand = {kpi: by_hand(home, kpi) for kpi in HAND}
    for models in ((SMALL_MODEL,), ("fct_mention",), MENTION_MODELS, (*FEEDBACK_MODELS, *FEEDBACK_KPIS)):
        cost = dbt(home, "run", "--threads", "1", "--select", *models)
        took = f"{cost.elapsed:.1f} s, {cost.processor:.1f} s of processor, {cost.mebibytes} MiB"
        print(f"{title}: {took}, dbt's start included")
        results = json.loads((home / "dbt" / "target" / "run_results.json").read_bytes())["results"]
        for result in results:
            model, seconds = result["unique_id"].rpartition(".")[2], result["execution_time"]
            own = hand.get(model)
            ratio = f", {seconds / own.elapsed:.1f} x {own.elapsed:.1f} s by hand" if own else ""
            print(f"  {model}: {seconds:.1f} s{ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warehouse", description=__doc__)
    parser.add_argument("--mentions", type=int, default=10_000_000)
    parser.add_argument("--feedback", type=int, default=3_000_000)
    options = parser.parse_args()
    mentions, feedback = options.mentions, options.feedback
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare(home)
        history = _MENTIONS.format(first=0, days=DAYS, rows=mentions, catalog="")
        reviews = _REVIEWS.format(first=0, days=DAYS, rows=feedback, offset=0)
        fill(home, [_LISTINGS, reviews, f"insert into visibility.fct_mention by name {history}"])
        print(f"{mentions} mentions, {feedback} reviews, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        builds(home, "full")
        publish_day(home, DAYS, mentions // DAYS)
        fill(home, [_REVIEWS.format(first=DAYS, days=1, rows=feedback // DAYS, offset=feedback)])
        builds(home, "one more day")


if __name__ == "__main__":
    main()
