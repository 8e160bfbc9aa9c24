"""A crisis is opened once, written down while it lasts, closed, and leaves a report that says what happened."""

import json
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics.signals import open_crises
from analytics.signals.topics import Topic
from cli.main import app
from core.clock import PARIS
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion.engine.loading import load
from operations import crises, crisis_report, topics, verdicts
from operations.acts import Author
from operations.crisis_report import as_html, as_markdown, gather, timeline
from tests.analytics.signalling import FLOOD, other, publish
from warehouse import operations_database

WATCHING = Author("veille")
NOW = datetime.now(UTC)
SIGNAL = replace(FLOOD, opened_at=NOW - timedelta(hours=1), updated_at=NOW)


def run(*arguments: str):
    return CliRunner().invoke(app, ["crisis", *arguments])


@pytest.fixture(autouse=True)
def topic(home: Home) -> None:  # noqa: ARG001 - a home of its own
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), WATCHING)


@pytest.fixture
def crisis() -> crises.Crisis:
    return crises.open_crisis(
        author=WATCHING,
        topics=["crue"],
        territories=["FR-27"],
        title="Crue de l'Iton",
        kind="climatique",
        owner="team:veille",
    )


def test_the_life_of_a_crisis_on_the_command_line() -> None:
    opened = run("open", "--topic", "crue", "--territory", "FR-27", "--title", "Crue", "--kind", "climatique")
    assert opened.exit_code == 0, opened.output
    [listed] = json.loads(run("list", "--json").stdout)
    assert (listed["title"], listed["topics"], listed["territories"], listed["closed_at"]) == (
        "Crue",
        ["crue"],
        ["FR-27"],
        None,
    )
    name = listed["crisis_id"]
    assert run("log", name[:4], "Pont fermé", "--kind", "mené", "--role", "cellule").exit_code == 0
    assert run("log", name, "Appel au calme", "--kind", "dit", "--at", "2026-11-24T19:30").exit_code == 0
    [first, second] = crises.events(crises.find(name))
    assert (first.note, first.happened_at) == ("Appel au calme", datetime(2026, 11, 24, 18, 30, tzinfo=UTC))
    assert (second.kind, second.author_role) == ("mené", "cellule")
    assert crises.any_open()
    assert run("close", name).exit_code == 0
    assert not crises.any_open()
    assert "# Crise : Crue" in run("report", name).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("open", "--topic", "crue", "--territory", "FR-27"), "porte déjà"),
        (("open", "--topic", "crue", "--kind", "météo"), "n'est pas un genre de crise"),
        (("open", "--topic", "cru"), "Aucun thème ne s'appelle « cru »"),
        (("open", "--topic", "crue", "--territory", "27"), "Aucune série n'est tenue pour le territoire '27'"),
        (("log", "{id}", "  "), "est vide"),
        (("log", "{id}", "texte", "--kind", "rien"), "n'est pas un genre d'entrée"),
        (("log", "ffffffffff", "texte"), "Aucune crise"),
        (("close", "ffffffffff"), "Aucune crise"),
    ],
)
def test_what_cannot_be_is_refused(crisis, arguments, said) -> None:
    failed = run(*(argument.format(id=crisis.crisis_id) for argument in arguments))
    assert isinstance(failed.exception, ExpectedFailure)
    assert said in str(failed.exception)


def test_a_closed_crisis_takes_no_entry_and_is_closed_once(crisis) -> None:
    crises.close(crisis.crisis_id, WATCHING)
    for action in (
        lambda: crises.note(crisis.crisis_id, "trop tard", kind="fait", author=WATCHING),
        lambda: crises.close(crisis.crisis_id, WATCHING),
    ):
        with pytest.raises(ExpectedFailure, match="close"):
            action()
    reopened = crises.open_crisis(
        author=WATCHING, topics=["crue"], territories=["FR-27"], title="Encore", kind="climatique", owner="team:veille"
    )
    assert [listed.crisis_id for listed in crises.listed()] == [reopened.crisis_id, crisis.crisis_id]


def shown(home: Home) -> list[dict]:
    """Return the crises of a home as the live file shows them."""
    return list(open_crises.rows(*(operations_database.rows(home, table) for table in ("crises", "crisis_events"))))


def test_a_crisis_is_shown_while_it_lasts(home, crisis) -> None:
    """One row for each topic and territory, the nation where none is named; the last entry is the latest to happen."""
    wide = crises.open_crisis(
        author=WATCHING,
        topics=["crue", "inondation"],
        territories=[],
        title="Crues",
        kind="climatique",
        owner="team:veille",
    )
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=WATCHING)
    crises.note(crisis.crisis_id, "Avant", kind="fait", author=WATCHING, at=NOW - timedelta(days=1))
    rows = {(row["crisis_id"], row["topic_code"], row["territory_code"]): row for row in shown(home)}
    assert rows.keys() == {
        (crisis.crisis_id, "crue", "FR-27"),
        (wide.crisis_id, "crue", "FR"),
        (wide.crisis_id, "inondation", "FR"),
    }
    own = rows[crisis.crisis_id, "crue", "FR-27"]
    assert (own["title"], own["log_entries"], own["last_entry"]) == ("Crue de l'Iton", 2, "Pont fermé")
    assert own["opened_at"] == crisis.opened_at.replace(tzinfo=None)
    assert rows[wide.crisis_id, "crue", "FR"]["last_entry_at"] is None
    crises.close(crisis.crisis_id, WATCHING)
    assert {row["crisis_id"] for row in shown(home)} == {wide.crisis_id}


def test_what_is_written_is_redacted_and_satisfies_its_contract(home, crisis) -> None:
    crises.note(crisis.crisis_id, "Joindre le 06 12 34 56 78", kind="fait", author=WATCHING)
    assert b"06 12 34" not in b"".join(file.read_bytes() for file in home.root.glob("operations.sqlite*"))
    crises.close(crisis.crisis_id, WATCHING)
    report = load("operations")
    assert report.complete
    assert sum(entity.rows_quarantined for entity in report.entities) == 0
    assert sum(entity.rows_new for entity in report.entities) == 7, "the topic, the crisis, the entry, and four acts"


def with_series(file: Path) -> None:
    """Add the published hours to a live copy: the nation is in both tables while a crisis of it is open."""
    hour = NOW.replace(tzinfo=None)
    of_the_nation = ("crue", "FR", hour, 537.0)
    tables = {
        "live_mention_band": [of_the_nation],
        "live_crisis_band": [
            of_the_nation,
            ("crue", "FR-27", hour, 30.0),
            ("crue", "FR-27", hour - timedelta(minutes=1), 7.0),
            ("crue", "FR-33", hour, 500.0),
            ("autre", "FR-27", hour, 600.0),
            ("crue", "FR-27", hour - timedelta(days=9), 700.0),
        ],
    }
    with duckdb.connect(str(file)) as connection:
        for table, rows in tables.items():
            connection.execute(
                f"create table signals.{table} (topic_code varchar, territory_code varchar, bin_start timestamp,"
                " observed double)"
            )
            connection.executemany(f"insert into signals.{table} values (?, ?, ?, ?)", rows)


def test_the_report_says_what_happened_where_how_much_and_what_was_done(home, crisis) -> None:
    elsewhere = replace(SIGNAL, signal_id="b" * 16, territory_code="FR-33", territory_label="Gironde")
    of_another_topic = replace(SIGNAL, signal_id="c" * 16, topic_code="autre")
    long_ago = other(3, opened_at=NOW - timedelta(days=9), updated_at=NOW - timedelta(days=9))
    with_series(publish(home, [SIGNAL, elsewhere, of_another_topic, long_ago]))
    verdicts.record(SIGNAL, "confirmé", Author("officier"))
    crises.note(crisis.crisis_id, "Route <fermée> | pont", kind="fait", author=WATCHING)
    crises.note(crisis.crisis_id, "Appel au calme", kind="dit", author=Author("communication"))
    crises.note(crisis.crisis_id, "Patrouille", kind="mené", author=Author("groupement"))
    crises.close(crisis.crisis_id, WATCHING)
    report = gather(home, crises.find(crisis.crisis_id))
    assert [signal.signal_id for signal in report.signals] == [SIGNAL.signal_id]
    assert [what for _, what in timeline(report)] == [
        "Signal : [ÉLEVÉE] Crue – Eure : hausse soudaine",
        "Crise ouverte",
        "Verdict (officier) : confirmé",
        "Fait : Route <fermée> | pont",
        "Dit : Appel au calme",
        "Mené : Patrouille",
        "Crise close",
    ]
    text = as_markdown(report)
    assert [line for line in text.splitlines() if "| Crue |" in line] == [f"| {paris_day()} | Crue | Eure | 37 |"]
    assert "| Eure | 1 | élevée |" in text
    assert "Route \\<fermée\\> \\| pont" in text
    page = as_html(report)
    assert "Route &lt;fermée&gt; | pont" in page
    for title in ("Chronologie", "Volumes", "Territoires", "Ce qui a été dit", "Ce qui a été mené"):
        assert f"<h2>{title}</h2>" in page


def test_a_crisis_of_the_nation_counts_each_mention_once(home) -> None:
    with_series(publish(home, []))
    national = crises.open_crisis(
        author=WATCHING, topics=["crue"], territories=[], title="Crues", kind=None, owner="team:veille"
    )
    assert national.kind == "climatique", "without a kind, it is of that of its topic"
    text = as_markdown(gather(home, national))
    assert [line for line in text.splitlines() if "| Crue |" in line] == [
        f"| {paris_day()} | Crue | France entière | 537 |"
    ]


def test_signals_around_and_within_a_crisis_belong_to_it(home, crisis, monkeypatch) -> None:
    around = {"FR-27": frozenset({"FR-NOR", "GN-NOR"}), "FR-14": frozenset({"FR-NOR", "GN-NOR"})}
    monkeypatch.setattr(crisis_report, "territories_around", lambda _: around)
    places = ("FR-27", "FR-NOR", "FR-14", "FR")
    publish(home, [replace(SIGNAL, signal_id=place.ljust(16, "0"), territory_code=place) for place in places])
    assert {signal.territory_code for signal in gather(home, crisis).signals} == {"FR-27", "FR-NOR", "FR"}
    of_the_region = copy(crisis)
    of_the_region.territories = ("FR-NOR",)
    assert {signal.territory_code for signal in gather(home, of_the_region).signals} == set(places)


def test_a_closed_crisis_leaves_its_report(home, crisis) -> None:
    publish(home, [SIGNAL])
    output = run("close", crisis.crisis_id).stdout
    [file] = home.crises.iterdir()
    assert file.name in output.replace("\n", "")
    assert "Crise close" in file.read_text("utf-8")


def paris_day() -> str:
    return f"{NOW.astimezone(PARIS):%d/%m/%Y}"


def test_a_report_without_anything_published(crisis, tmp_path) -> None:
    file = tmp_path / "rapport.html"
    assert run("report", crisis.crisis_id, "--html", str(file)).exit_code == 0
    assert "en cours au" in file.read_text("utf-8")
    with pytest.raises(ExpectedFailure, match="ne peut pas être écrit"):
        CliRunner().invoke(
            app,
            ["crisis", "report", crisis.crisis_id, "--html", str(tmp_path / "no" / "x.html")],
            catch_exceptions=False,
        )
