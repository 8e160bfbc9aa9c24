"""A topic finds what its query says and nothing else; what is wrong is said in words; operators' own come first."""

import dataclasses
import runpy
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from analytics.signals import topic_tagging, topics
from analytics.signals.topics import Topic, parse
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, Home
from ingestion.connectors.operations.contract import kind
from operations import topics as of_home
from operations.acts import Author

WATCHING = Author("veille")
FLOOD = {"label": "Crues", "query": "crue", "kind": "climatique", "owner": "team:veille"}


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("crue", "La CRUE monte", True),
        ("crue", "Des crues partout", True),
        ("crue", "une recrue de la brigade", False),
        ("évacuation", "EVACUATION en cours", True),
        ("inond*", "village inondé", True),
        ("inond", "village inondé", False),
        ('"montée des eaux"', "la montée  des eaux", True),
        ('"montée des eaux"', "la montée soudaine des eaux", False),
        ("#crue", "regardez #Crue", True),
        ("#crue", "regardez la crue", False),
        ("crue", "regardez #crue", True),
        ("crue -exercice", "exercice de crue", False),
        ('crue -"eau crue"', "l'eau crue", False),
        ("pré-plainte", "ma pré plainte", True),
    ],
)
def test_a_query_finds_words_phrases_and_hashtags(query: str, text: str, found: bool) -> None:
    assert parse(query).finds(topics.folded(text)) is found


def test_a_profile_of_the_tool_finds_what_comes_without_text() -> None:
    query = parse("crue profil:flood -exercice")
    assert query.finds("", {"flood", "gendarmerie"})
    assert not query.finds("", {"gendarmerie"})
    assert not query.finds("exercice", {"flood"}), "an exclusion wins"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": ""}, "le champ query manque"),
        ({"query": "-crue"}, "ne trouve rien"),
        ({"query": '"crue'}, "guillemet"),
        ({"query": "au"}, "moins de 3 lettres"),
        ({"kind": "météo"}, "genre « météo »"),
        ({"owner": "moi"}, "équipe"),
        ({"platforms": ["minitel"]}, "plateforme inconnue minitel"),
        ({"couleur": "bleu"}, "champ inconnu couleur"),
        ({"label": "x" * 61}, "trop long"),
    ],
)
def test_what_is_wrong_is_said_in_words(change: dict, message: str) -> None:
    with pytest.raises(ExpectedFailure, match=message):
        topics.topic("crue", FLOOD | change, {"listening"})


def test_topics_are_told_apart_and_contain_each_other_without_a_circle() -> None:
    one, other = topics.topic("crue", FLOOD), topics.topic("eau", FLOOD | {"part_of": "crue"})
    assert topics.parents(topics.together([one, other])) == {"eau": "crue"}
    with pytest.raises(ExpectedFailure, match="contient déjà"):
        topics.together([other, dataclasses.replace(one, part_of="eau")])
    with pytest.raises(ExpectedFailure, match="n'existe pas"):
        topics.together([other])


def test_the_projects_topics_are_sound_and_their_kinds_are_those_of_operations() -> None:
    declared = topics.read(platforms=of_home.PLATFORM_NAMES)
    assert {kind(topic.kind) for topic in declared} <= set(topics.KINDS)
    assert [kind(name) for name in topics.KINDS] == list(topics.KINDS)


def test_a_mention_is_on_its_topics_and_on_those_that_contain_them() -> None:
    part = topics.topic("crue", FLOOD | {"part_of": "temps"})
    weather = topics.topic("temps", FLOOD | {"query": "tempête"})
    read = topic_tagging.read(
        [("1", "a", None, "crue à Bordeaux", None), ("2", "a", None, None, None)], [part, weather]
    )
    assert [(row[0], row[3], row[4]) for row in read] == [
        ("1", "ensemble", "FR-33"),
        ("1", "crue", "FR-33"),
        ("1", "temps", "FR-33"),
        ("2", "ensemble", None),
        ("2", "autres", None),
    ]


class ModelOfSubjects:
    """The model `live_mention_subject` in a database of its own, as dbt runs it: built anew from what it held."""

    def __init__(self) -> None:
        file = CHECKOUT / "dbt_project" / "models" / "live" / "signals" / "live_mention_subject.py"
        self._model = runpy.run_path(str(file))["model"]
        self._session = duckdb.connect()
        self.this = SimpleNamespace(schema="main", identifier="live_mention_subject")
        self._session.execute(
            "create table stg_listening__mention"
            " (mention_id varchar, source_load_id varchar, title varchar, text varchar, topics varchar)"
        )

    def config(self, **_: str) -> None: ...

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self._session.table(name)

    def load(self, *mentions: tuple[str, str, str]) -> None:
        """Leave mentions as a load does: identifier, load, text."""
        for mention_id, load_id, text in mentions:
            self._session.execute("delete from stg_listening__mention where mention_id = ?", [mention_id])
            row = [mention_id, load_id, None, text, None]
            self._session.execute("insert into stg_listening__mention values (?, ?, ?, ?, ?)", row)

    def forget(self, mention_id: str) -> None:
        self._session.execute("delete from stg_listening__mention where mention_id = ?", [mention_id])

    def build(self, *watched: Topic) -> list[tuple[str, str, str]]:
        """Return mention, load and topic of each row, without that of all mentions together."""
        topic_rows = [(t.code, t.label, t.kind, t.query, "", t.owner, t.part_of, "") for t in watched]
        columns = {
            name: list(values) for name, values in zip(topics.COLUMNS, zip(*topic_rows, strict=True), strict=True)
        }
        self._session.register("live_topic", pa.table(columns))
        self._model(self, self._session).create("made")
        self._session.execute("drop table if exists live_mention_subject")
        self._session.execute("alter table made rename to live_mention_subject")
        query = "select mention_id, source_load_id, topic_code from live_mention_subject where topic_code <> 'ensemble'"
        return sorted(self._session.execute(query).fetchall())


def test_a_mention_is_read_once_and_anew_when_it_or_the_topics_change() -> None:
    model, flood = ModelOfSubjects(), topics.topic("crue", FLOOD)
    model.load(("1", "a", "crue"), ("2", "a", "rien"))
    assert model.build(flood) == [("1", "a", "crue"), ("2", "a", "autres")]
    # The text has changed, the load has not: what is known is not read again.
    model.load(("1", "a", "rien"), ("3", "b", "crue"))
    assert model.build(flood) == [("1", "a", "crue"), ("2", "a", "autres"), ("3", "b", "crue")]
    model.load(("1", "b", "rien"))
    assert model.build(flood) == [("1", "b", "autres"), ("2", "a", "autres"), ("3", "b", "crue")]
    model.forget("3")
    assert model.build(flood) == [("1", "b", "autres"), ("2", "a", "autres")]
    nothing = topics.topic("crue", FLOOD | {"query": "rien"})
    assert model.build(nothing) == [("1", "b", "crue"), ("2", "a", "crue")]


def test_an_operators_topic_takes_the_place_of_the_projects(home: Home) -> None:
    home.root.mkdir(parents=True)
    before = {topic.code for topic in of_home.watched()}
    of_home.change(Topic("inondation", "Crues", "crue", "climatique", "team:veille"), WATCHING)
    of_home.add(Topic("avalanche", "Avalanches", "avalanche", "climatique", "team:veille", ("listening",)), WATCHING)
    now = {topic.code: topic for topic in of_home.watched()}
    assert now.keys() == before | {"avalanche"}
    assert now["inondation"].query == "crue"
    assert now["inondation"].part_of == "intemperies", "it stays where the project has put it"
    assert now["avalanche"].platforms == ("listening",)
    rows = topics.as_rows(now.values())
    assert {row["topic_code"] for row in rows} == now.keys()
    assert topics.from_rows(tuple(row.values()) for row in rows) == list(now.values())
    assert topics.codes(now.values(), "Une avalanche", "brigade_numerique") == []
    with pytest.raises(ExpectedFailure, match="Aucun thème"):
        of_home.find("tsunami")


def test_a_topic_that_is_stopped_is_not_watched_and_its_parts_stand_alone() -> None:
    projects = {topic.code: topic for topic in topics.read()}
    part = next(topic for topic in projects.values() if topic.part_of is not None)
    stopped = {**FLOOD, "code": part.part_of, "platforms": "", "active": False}
    watched = {topic.code: topic for topic in topics.watched([stopped])}
    assert watched.keys() == projects.keys() - {part.part_of}
    assert watched[part.code] == dataclasses.replace(part, part_of=None)
