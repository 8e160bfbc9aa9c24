"""Today's code takes over a home that version 0.1.0 has filled: figures, ledger, detectors and decisions stay."""

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
from django.test import Client

from audit import evidence, ledger
from audit.cells import Cell, Period
from audit.definition_diff import differences
from audit.definitions import KpiDefinition
from audit.readers import OPERATOR
from audit.tracing import trace
from core.clock import today
from core.settings import CHECKOUT, Home
from core.sql import literal
from operations.alerts.dispatch import dispatch
from tests.upgrade.populate import (
    DAY,
    commit_of,
    cyberimpact,
    environment,
    install,
    populate,
    sandbox,
    with_a_crisis,
)  # fmt: skip
from warehouse.dbt_project import exposed, meta
from warehouse.publication import Relation
from warehouse.published import COPIES, DAILY, Copy

pytestmark = [pytest.mark.proof, pytest.mark.long]

VERSION = "0.1.0"
JOURNAL = "docs/kpi-changelog.md"

#: Columns that depend on when a build ran, a text that a page has taken the place of, the form of a detector's state,
#: and how figures are worded and compared with other territories, in which small numbers count differently now.
LEFT_OUT = (
    "built_at", "is_late", "trace_line", "page_path", "state", "value_label", "previous_value_label",
    "peer_median", "peer_median_label", "peer_rank", "peer_count",
)  # fmt: skip

#: KPIs whose figures this version changes, as the journal says: in the last digit, and in which cells are hidden.
CHANGED = ("action_effect", "perceval_reports")
#: What is estimated from those cells, and a comparison of territories that is rounded otherwise in the last digit.
ESTIMATED = frozenset({"fct_action_effect", "fct_action_effect_period", "fct_means_needs"})

LIST_SIGNALS = ("signal", "list", "--all", "--json")

#: What a live build takes over from the one before.
STATES = ("live_detector", "live_mention_subject")

#: What depends on thresholds, which this version calibrates otherwise: its detection is another one, on purpose.
CALIBRATED = frozenset({
    "live_threshold", "live_mention_band", "live_crisis_band", "live_crisis", "live_signal", "live_signal_evidence",
    "live_signal_example", "live_signal_source", "live_signal_term", "fct_daily_threshold",
})  # fmt: skip

#: Writes the alerts of a home, of which none can be sent, and prints the link that confirms the first.
ALERT = """
from datetime import UTC, datetime
from ingestion import settings
from orchestration import subscriptions
from orchestration.alerts import dispatch, links, outbox
dispatch.dispatch(settings.home())
with outbox.opened(settings.home()) as box:
    [alert, *_] = box.waiting(subscriptions.declared("signals")[0])
print(links.address(alert.alert_id, "confirmé", "veille", datetime.now(UTC)))
"""
SUBSCRIPTIONS = """
subscriptions:
- {recipient: permanence, role: veille, channel: webhook, address: "http://127.0.0.1:9/", wants: [signals]}
"""


@dataclass(frozen=True)
class Upgrade:
    """One home, three times.

    Attributes:
        version: Checkout of the version.
        left: What the version has built and published, then loaded of one more day of listening.
        continued: A copy that the version has built and published once more.
        upgraded: A copy that `cyberimpact upgrade` has taken over.
        link: The link of an alert that the version wrote.
    """

    version: Path
    left: Home
    continued: Home
    upgraded: Home
    link: str


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    commit = commit_of(VERSION)
    if subprocess.run(["git", "-C", CHECKOUT, "cat-file", "-e", commit], capture_output=True, check=False).returncode:
        pytest.skip(f"The git history here does not reach version {VERSION}: `git fetch --unshallow` brings it.")
    folder = tmp_path_factory.mktemp("upgrade")
    version, left = folder / VERSION, folder / "left"
    install(commit, version)
    last_day = today() - 2 * DAY
    seed = with_a_crisis(last_day)
    populate(version, left, seed, last_day)
    with sandbox(version, left, seed, last_day + DAY) as (_, addresses):
        cyberimpact(version, left, "load", "listening", **addresses)
    link = alert(version, left)

    def on_a_copy(checkout: Path, name: str, *verbs: tuple[str, ...]) -> Home:
        home = shutil.copytree(left, folder / name, symlinks=True)
        for verb in verbs:
            cyberimpact(checkout, home, *verb)
        return Home(home)

    with ThreadPoolExecutor() as both:  # at the same time, for tables that look back from now
        continued = both.submit(on_a_copy, version, "continued", ("build",), ("publish",))
        upgraded = both.submit(on_a_copy, CHECKOUT, "upgraded", ("upgrade", str(folder / "saved"), "--switch"))
    return Upgrade(version, Home(left), continued.result(), upgraded.result(), link)


def alert(version: Path, home: Path) -> str:
    """Have the version write an alert, and return its link."""
    (home / "subscriptions.yml").write_text(SUBSCRIPTIONS)
    python = version / ".venv" / "bin" / "python"
    variables = environment(home) | {"CYBERIMPACT_SUBSCRIPTIONS": str(home / "subscriptions.yml")}
    done = subprocess.run(
        [python, "-c", ALERT], cwd=version, env=variables, stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout.strip()


def differing(old: Path, new: Path, names: Mapping[Relation, Relation]) -> dict[Relation, tuple[int, int]]:
    """Return how many rows only one of two databases has, in the columns that the old one has, by table that differs.

    Args:
        old: A database.
        new: Another one.
        names: The tables by their names in the new one, with those in the old one.
    """
    found = {}
    with duckdb.connect(config={"threads": 2}) as connection:
        for name, file in (("old", old), ("new", new)):
            connection.execute(f"attach {literal(str(file))} as {name} (read_only)")
        for later, former in names.items():
            tables = (former.quoted("old"), later.quoted("new"))
            [columns] = connection.execute(
                f"select list(column_name) from (describe {tables[0]}) where column_name not in {LEFT_OUT}"
            ).fetchone() or ([],)
            shown = ", ".join(f'"{name}"' for name in columns)
            kept = f"where kpi_code not in {CHANGED}" if "kpi_code" in columns else ""
            rows = [f"(select {shown} from {table} {kept})" for table in tables]
            only = (f"(select count(*) from ({a} except all {b}))" for a, b in (rows, rows[::-1]))
            [counts] = connection.execute(f"select {', '.join(only)}").fetchall()
            if any(counts):
                found[later] = counts
    return found


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_every_published_row_is_the_same(upgrade: Upgrade, copy: Copy) -> None:
    before, after = (exposed(manifest(home), copy.target) for home in (upgrade.continued, upgrade.upgraded))
    names = {
        relation(node): Relation(node["schema"], meta(node).get("formerly") or relation(node).name) for node in after
    }
    had = {relation(node) for node in before}
    assert had <= set(names.values())
    same = {
        later: former for later, former in names.items() if former in had and later.name not in CALIBRATED | ESTIMATED
    }
    assert differing(copy.link(upgrade.continued), copy.link(upgrade.upgraded), same) == {}


def manifest(home: Home) -> Mapping[str, Any]:
    return json.loads((home.dbt_target / "manifest.json").read_bytes())


def relation(node: Mapping[str, Any]) -> Relation:
    return Relation(node["schema"], node["alias"])


def test_detectors_go_on_from_what_they_had_learnt(upgrade: Upgrade) -> None:
    states = {table: table for table in (Relation("signals", name) for name in STATES)}
    assert differing(upgrade.continued.live, upgrade.upgraded.live, states) == {}
    with duckdb.connect(str(upgrade.left.live), read_only=True) as before:
        had = dict(before.execute("select series, bins from signals.live_detector").fetchall())
    with duckdb.connect(str(upgrade.upgraded.live), read_only=True) as after:
        has = dict(after.execute("select series, bins from signals.live_detector").fetchall())
        [(domains,)] = after.execute("select count(domain) from signals.live_threshold").fetchall()
        [(signals,)] = after.execute("select count(signal_id) from signals.live_signal").fetchall()
    assert domains > 0, "thresholds without a lower one are calibrated anew"
    assert signals > 0
    assert all(has[series] >= bins for series, bins in had.items())
    assert sum(has.values()) > sum(had.values())


def test_the_ledger_goes_on_and_no_figure_changes_without_a_line_of_the_journal(upgrade: Upgrade) -> None:
    verdict = json.loads(cyberimpact(CHECKOUT, upgrade.upgraded.root, "audit", "verify", "--json"))
    assert (verdict["publications"], verdict["problems"]) == (2, [])
    changes = [
        duckdb.read_parquet(str(ledger.entries(home)[-1].folder / ledger.CHANGES))
        .filter(f"kpi_code not in {CHANGED}")
        .order("position")
        .select("* exclude (position, digest)")
        .fetchall()
        for home in (upgrade.continued, upgrade.upgraded)
    ]
    assert changes[0] == changes[1]


#: What the command says when a step begins, and seconds after which it is killed.
STEPS = [("1 of 4", 0.2), ("2 of 4", 0.2), ("3 of 4", 20), ("4 of 4", 0), ("The switch", 0), ("The switch", 10)]


def test_killed_at_each_step_it_shows_no_other_figure_and_goes_back(upgrade: Upgrade, tmp_path: Path) -> None:
    home, folder = Home(shutil.copytree(upgrade.continued.root, tmp_path / "home", symlinks=True)), tmp_path / "saved"
    former = figures(home)
    for step, seconds in STEPS[:4]:
        killed(home, folder, step, seconds)
        assert figures(home) == former
    said = cyberimpact(CHECKOUT, home.root, "upgrade", str(folder))
    assert f"KPIs with other figures: {len(CHANGED)}; the journal does not name 0 of them." in said.splitlines()
    for step, seconds in STEPS[4:]:
        killed(home, folder, step, seconds, "--switch")
        assert figures(home)[1] == former[1]
    cyberimpact(CHECKOUT, home.root, "upgrade", str(folder), "--switch")
    assert figures(home)[0] != former[0]
    assert figures(home)[1] == former[1]
    assert json.loads(cyberimpact(CHECKOUT, home.root, "audit", "verify", "--json"))["problems"] == []
    cyberimpact(CHECKOUT, home.root, "restore", str(folder))
    assert figures(home) == former
    before = ledger.current_head(upgrade.continued)
    assert ledger.current_head(home) == before
    cyberimpact(upgrade.version, home.root, "build")
    cyberimpact(upgrade.version, home.root, "publish")
    assert figures(home)[1] == former[1]


def killed(home: Home, folder: Path, step: str, seconds: float, *options: str) -> None:
    """Kill an upgrade so many seconds after a step has begun."""
    command = [CHECKOUT / ".venv" / "bin" / "cyberimpact", "upgrade", str(folder), *options]
    with subprocess.Popen(command, env=environment(home.root), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith(step) for line in process.stderr), f"{step} never began"
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        assert process.poll() is None, "it had ended"
        process.kill()


def figures(home: Home) -> tuple[str, list[tuple]]:
    """Return the publication that readers see, and its figures, without those that the upgrade changes."""
    with duckdb.connect(str(DAILY.link(home)), read_only=True) as connection:
        [(publication_id,)] = connection.execute("select publication_id from audit.publication").fetchall()
        rows = f"from kpi.kpi_value as v where kpi_code not in {CHANGED}"
        values = f"select kpi_code, count(*), sum(hash(v)) {rows} group by all order by 1"
        return publication_id, connection.execute(values).fetchall()


def test_the_journal_names_the_definitions_that_changed(upgrade: Upgrade) -> None:
    former, later = (definitions(home) for home in (upgrade.continued, upgrade.upgraded))
    changes = differences(former, later)
    show = ["git", "-C", CHECKOUT, "show", f"{commit_of(VERSION)}:{JOURNAL}"]
    old = subprocess.run(show, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    new = [line for line in (CHECKOUT / JOURNAL).read_text(encoding="utf-8").splitlines() if line not in old]
    named = set(re.findall(r"`(\w+)`", " ".join(new)))
    assert {change.code for change in changes if change.wants_a_line} <= named <= {change.code for change in changes}


def definitions(home: Home) -> dict[str, KpiDefinition]:
    kept = evidence.store(home)
    published = kept.read_json(ledger.entries(home)[-1].facts["manifest"])
    return {code: evidence.definition_of(kept, published, code) for code in published["kpis"]}


def test_figures_that_the_version_published_are_traced(upgrade: Upgrade) -> None:
    with duckdb.connect(str(DAILY.link(upgrade.left)), read_only=True) as connection:
        cells = connection.execute(
            "select kpi_code, period_type, period_start, territory_code, breakdown_dimension, breakdown_value"
            " from kpi.kpi_value where not is_suppressed"
            " qualify row_number() over (partition by kpi_code order by md5(concat(territory_code, period_start))) = 1"
        ).fetchall()
    assert len(cells) > 40
    for code, kind, start, *rest in cells:
        found = trace(upgrade.left, OPERATOR, Cell(code, Period(kind, start), *rest))
        assert found.recomputation.agrees, found.shown.cell


@pytest.mark.parametrize(("verb", "decided"), [("topic", "cables"), ("crisis", "Faux colis")])
def test_what_operators_decided_is_kept(upgrade: Upgrade, verb: str, decided: str) -> None:
    said = cyberimpact(CHECKOUT, upgrade.upgraded.root, verb, "list", "--json")
    assert said == cyberimpact(upgrade.version, upgrade.continued.root, verb, "list", "--json")
    assert decided in said


def test_verdicts_are_kept(upgrade: Upgrade) -> None:
    """Signals without a verdict may differ: they are detected by other thresholds (`CALIBRATED`)."""
    later, former = (
        {
            row["signal_id"]: row["verdict"]
            for row in json.loads(cyberimpact(code, home.root, *LIST_SIGNALS))
            if row["verdict"]
        }
        for code, home in ((CHECKOUT, upgrade.upgraded), (upgrade.version, upgrade.continued))
    )
    assert later == former
    assert "vu" in later.values()


@pytest.mark.usefixtures("pages")
def test_the_link_of_an_alert_gives_its_verdict(upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(upgrade.left.root).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(upgrade.left.root / "subscriptions.yml"))
    alerts = outbox(upgrade.left)
    dispatch(upgrade.left)
    assert outbox(upgrade.left) == alerts != []  # nobody is alerted twice
    path = urlsplit(upgrade.link).path
    browser = Client(headers={"Host": "127.0.0.1"})
    assert "C'est enregistré" in browser.post(path).text
    assert browser.post(path).status_code == HTTPStatus.GONE


def outbox(home: Home) -> list[tuple]:
    with closing(sqlite3.connect(home.operations)) as connection:
        return connection.execute("select alert_id, message_id from outbox order by alert_id").fetchall()
