"""Talkwalker over real HTTP, exports through column maps, and what is taken out of a mention before it is written."""

import json
import math
from datetime import UTC, datetime, time, timedelta
from functools import partial

import duckdb
import httpx
import pytest
from requests import Response

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors import listening
from ingestion.connectors.listening import exports, talkwalker
from ingestion.connectors.listening.contract import COLUMNAR, mention_address, sentiment
from ingestion.connectors.listening.talkwalker import Project, Span, check, network, neutral
from ingestion.engine import quarantine
from ingestion.engine.loading import load
from privacy import pseudonymise
from tests.ingestion import conftest
from tests.ingestion.conftest import FIRST_TODAY

TOKEN = "jeton-secret-du-test"
DAY = 86_400_000


@pytest.fixture
def place(home, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "cle-du-test")
    return home


@pytest.fixture
def vendor(sandbox, place, monkeypatch):  # noqa: ARG001 (the live file has its tables)
    monkeypatch.setenv("CYBERIMPACT_LISTENING_API_KEY", TOKEN)
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    monkeypatch.delenv("CYBERIMPACT_LISTENING_VENDOR", raising=False)
    return sandbox


ask = partial(conftest.ask, name="listening")


def url(sandbox, path="results"):
    return f"{sandbox.origin}/talkwalker/api/v1/search/p/gendarmerie/{path}"


def shown(sandbox, query=""):
    """Return what the project shows, read by hand."""
    found = []
    while True:
        page = {"q": query, "offset": len(found), "hpp": 499, "sort_by": "search_indexed", "sort_order": "asc"}
        answer = httpx.get(url(sandbox), params={"access_token": "x", **page}).json()
        found += [hit["data"] for hit in answer["result_content"]["data"]]
        if len(found) >= answer["pagination"]["total"]:
            return found


def counts(report):
    return tuple(report.total(f"rows_{name}") for name in ("new", "updated", "unchanged", "quarantined"))


def refused(**options):
    with pytest.raises(ExpectedFailure) as failure:
        load("listening", **options)
    assert TOKEN not in str(failure.value)
    return str(failure.value)


# ---- what is read


def test_the_first_load_brings_thirty_days_and_the_second_changes_nothing(vendor, place):
    load("listening")
    newest = max(d["search_indexed"] for d in shown(vendor, "searchindexed:>1743379200000"))
    expected = {d["url"]: d for d in _thirty_days(vendor, newest)}
    loaded = dict(ask(place, "select mention_id, epoch_ms(published_at) from mentions"))
    assert loaded == {talkwalker.identifier(u): d["published"] for u, d in expected.items()}
    before = ask(place, "select * from mentions order by 1"), ask(place, "select * from volumes order by 1")
    report = load("listening")
    assert counts(report)[:2] == (0, 0)
    assert report.total("rows_read") < len(expected)
    assert (ask(place, "select * from mentions order by 1"), ask(place, "select * from volumes order by 1")) == before


def _thirty_days(sandbox, newest):
    for day in range(30):
        yield from shown(
            sandbox, f"searchindexed:>{newest - (day + 1) * DAY - 1} AND searchindexed:<{newest - day * DAY}"
        )
    yield from shown(sandbox, f"searchindexed:>{newest - 1}")


def test_an_increment_brings_late_finds_and_later_reactions(vendor, place):
    load("listening")
    before = dict(ask(place, "select mention_id, engagement from mentions"))
    vendor.today = FIRST_TODAY + timedelta(days=2)
    report = load("listening")
    after = dict(ask(place, "select mention_id, engagement from mentions"))
    current = {talkwalker.identifier(d["url"]): d["engagement"] for d in _thirty_days(vendor, 1743631199000)}
    assert {key: after[key] for key in current if key in after} == {k: v for k, v in current.items() if k in after}
    grown = [key for key in before if after[key] > before[key]]
    assert grown
    last_day = datetime.combine(FIRST_TODAY, datetime.min.time(), UTC) + timedelta(days=1)
    late = ask(
        place, f"select count(*) from mentions where published_at < '{last_day}' and collected_at > '{last_day}'"
    )
    assert late[0][0] > 0
    assert report.entities[0].rows_updated == len(grown)


def test_a_mention_says_what_the_document_says_but_no_person(vendor, place):
    load("listening")
    document = next(d for d in shown(vendor, "published:>1743400000000") if "youtube.com" in d["url"])
    key = talkwalker.identifier(document["url"])
    columns = (
        "source_platform, url, title is null, author_id, author_followers, country, vendor, vendor_query, sentiment"
    )
    assert ask(place, f"select {columns} from mentions where mention_id = '{key}'") == [
        (
            "youtube",
            f"https://youtu.be/{document['url'].partition('v=')[2]}",
            False,
            pseudonymise(document["extra_author_attributes"]["id"]),
            document["source_extended_attributes"]["followers"],
            "FR",
            "talkwalker",
            "gendarmerie",
            document["sentiment"],
        )
    ]
    assert ask(
        place, "select count(*) from mentions where source_platform = 'x' and coalesce(text, author_id) is not null"
    ) == [(0,)]
    content = place.live.read_bytes()
    for trace in (document["extra_author_attributes"]["id"], document["extra_author_attributes"]["name"], "exemple.fr"):
        assert trace.encode() not in content
    assert ask(place, "select count(*) from mentions where text like '%[TÉLÉPHONE]%'")[0][0] > 0
    assert ask(place, "select count(*) from mentions where department_code is null") == [(0,)]


@pytest.mark.usefixtures("place")
def test_what_was_found_since_is_counted_without_asking_for_it(vendor):
    since = datetime.combine(FIRST_TODAY - timedelta(days=2), time(), UTC)
    expected = shown(vendor, f"searchindexed:>{round(since.timestamp() * 1000) - 1}")
    assert listening.found_since(since) == len(expected) > 0
    assert listening.found_since(since + timedelta(days=400)) == 0


@pytest.mark.usefixtures("vendor")
def test_volumes_are_those_of_the_mentions_hour_by_hour(place):
    load("listening")
    hours = ask(
        place,
        "select v.bin_start, v.mentions from volumes v where breakdown = 'total' order by 1",
    )
    assert len(hours) in {168, 169}
    counted = dict(ask(place, "select date_trunc('hour', published_at), count(*) from mentions group by 1"))
    assert [(hour, counted.get(hour, 0)) for hour, _ in hours] == hours
    assert (
        sum(number for _, number in hours)
        == ask(place, "select sum(mentions) from volumes where breakdown = 'sourcetype'")[0][0]
    )


def test_a_window_with_too_many_mentions_is_halved(vendor, monkeypatch):
    documents = shown(vendor, "searchindexed:>1743300000000")
    span = Span(1743300000001, max(d["search_indexed"] for d in documents) + 1)
    monkeypatch.setattr(talkwalker, "MOST_PAGED_ROWS", len(documents) // 3)
    pages = list(Project().mentions(span, "searchindexed"))
    assert len(pages) >= 4
    found = [record["mention_id"] for page in pages for record in page]
    assert sorted(found) == sorted(talkwalker.identifier(d["url"]) for d in documents)


def test_the_window_of_ten_thousand_is_never_reached(vendor):
    answer = httpx.get(url(vendor), params={"access_token": "x", "offset": 9_500, "hpp": 500})
    assert (answer.status_code, answer.json()["status_code"]) == (400, "5")
    assert talkwalker.MOST_PAGED_ROWS + talkwalker.PAGE_ROWS <= 10_000
    last_page = (math.ceil(talkwalker.MOST_PAGED_ROWS / talkwalker.PAGE_ROWS) - 1) * talkwalker.PAGE_ROWS
    assert last_page + talkwalker.PAGE_ROWS < 10_000


def test_what_is_older_than_sixty_days_is_gone(vendor):
    oldest = min(d["published"] for d in shown(vendor, "searchindexed:<1738500000000"))
    assert datetime.fromtimestamp(oldest / 1000, UTC).date() >= FIRST_TODAY - timedelta(days=61)


# ---- bad days


@pytest.mark.usefixtures("place")
def test_the_limit_of_calls_is_told_with_401_and_waited_for(vendor, monkeypatch):
    monkeypatch.setattr(talkwalker, "QUOTA_WINDOW", timedelta(milliseconds=10))
    vendor.fault("quota", times=2, path="results")
    assert counts(load("listening"))[0] > 0


@pytest.mark.usefixtures("vendor")
def test_credits_gone_and_streams_open_are_told(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_LISTENING_API_KEY", "credits-gone")
    assert "credits of the account are used up" in refused()
    monkeypatch.setenv("CYBERIMPACT_LISTENING_API_KEY", "many-streams")
    assert "too many streams" in refused()


@pytest.mark.usefixtures("vendor")
def test_without_a_token_the_setting_is_named(monkeypatch):
    monkeypatch.delenv("CYBERIMPACT_LISTENING_API_KEY")
    monkeypatch.setattr(settings, "get", lambda _, default=None: default)
    message = refused()
    assert "CYBERIMPACT_LISTENING_API_KEY" in message
    assert "401" in message


def test_an_error_in_an_answer_that_is_ok_for_http_is_an_error():
    response = Response()
    response.status_code, response.url = 200, f"https://api.example/results?access_token={TOKEN}"
    response._content = json.dumps({"status_code": "4", "status_message": "Error in query"}).encode()
    failure = check(response)
    assert "code 4 (Error in query)" in str(failure)
    assert TOKEN not in str(failure)


@pytest.mark.parametrize("fault", ["duplicated_page", "shifted_page"])
def test_a_page_that_repeats_or_lacks_mentions_loads_nothing(vendor, place, fault):
    vendor.fault(fault, path="results")
    assert "and Talkwalker counted" in refused()
    assert ask(place, "select count(*) from mentions") == [(0,)]


@pytest.mark.parametrize("fault", ["renamed_column", "type_flip", "nested_value"])
def test_another_schema_loads_nothing(vendor, place, fault):
    vendor.fault(fault, path="results")
    assert "the platform changed its format" in refused()
    assert ask(place, "select count(*) from mentions") == [(0,)]


def test_an_unknown_field_is_kept_and_told(vendor, place):
    vendor.fault("unknown_column", path="results")
    assert load("listening").entities[0].unknown_columns == ("nouveau_champ",)
    assert ask(place, "select distinct colonnes_inconnues from mentions") == [
        ('{"nouveau_champ": "valeur inattendue"}',)
    ]


@pytest.mark.usefixtures("vendor")
def test_an_answer_that_is_no_search_is_told(monkeypatch):
    monkeypatch.setattr(talkwalker.Api, "get", lambda *_: {"status_code": "0", "result_accinfo": {}})
    assert "no search results" in refused()


# ---- settings


@pytest.mark.usefixtures("place")
def test_a_vendor_without_address_says_where_files_go(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_LISTENING_VENDOR", "file")
    assert "drop/listening/" in refused()
    monkeypatch.setenv("CYBERIMPACT_LISTENING_VENDOR", "autre")
    assert "'autre'" in refused()


@pytest.mark.usefixtures("place")
def test_a_missing_project_is_told(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_LISTENING_VENDOR", "talkwalker")
    monkeypatch.setenv("CYBERIMPACT_LISTENING_URL", " ")
    monkeypatch.setattr(talkwalker, "get", lambda _, default=None: default)
    assert "CYBERIMPACT_LISTENING_URL" in refused()


# ---- neutral words


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://twitter.com/jean_dupont/status/1723?s=20", "https://x.com/i/status/1723"),
        ("https://x.com/jean_dupont", "https://x.com/"),
        ("https://www.facebook.com/jean.dupont/posts/12", "https://www.facebook.com/-/posts/12"),
        ("https://www.tiktok.com/@jean/video/7", "https://www.tiktok.com/-/video/7"),
        ("https://t.me/jean/33", "https://t.me/-/33"),
        ("https://bsky.app/profile/jean.bsky.social/post/3k", "https://bsky.app/profile/-/post/3k"),
        ("https://mamot.fr/@jean/1109", "https://mamot.fr/-/1109"),
        ("https://www.youtube.com/watch?app=desktop&v=aB-3#t=4", "https://youtu.be/aB-3"),
        ("https://x.com/jean_dupont/with_replies", "https://x.com/"),
        ("https://t.me/s/jean/33", "https://t.me/-/33"),
        ("https://www.facebook.com/people/Jean-Dupont/1000123", "https://www.facebook.com/"),
        ("https://www.facebook.com/profile.php?id=1000123", "https://www.facebook.com/"),
        ("https://www.instagram.com/stories/jean/31", "https://www.instagram.com/"),
        ("https://youtube.com/c/JeanDupont", "https://youtube.com/"),
        ("https://www.youtube.com/user/jean/videos", "https://www.youtube.com/"),
        ("https://www.youtube.com/shorts/aB-3?feature=share", "https://www.youtube.com/shorts/aB-3"),
        ("https://fr.linkedin.com/in/jean-dupont-12", "https://fr.linkedin.com/"),
        (
            "https://www.linkedin.com/posts/jean-dupont_titre-activity-712-x",
            "https://www.linkedin.com/feed/update/urn:li:activity:712",
        ),
        ("https://www.reddit.com/user/jean/comments/12", "https://www.reddit.com/-/comments/12"),
        ("https://www.reddit.com/r/france/comments/12/titre", "https://www.reddit.com/r/france/comments/12/titre"),
        ("https://www.threads.net/@jean/post/C1", "https://www.threads.net/-/post/C1"),
        ("https://mamot.fr/@jean@piaille.fr/11", "https://mamot.fr/-/11"),
        ("https://mamot.fr/users/jean/statuses/11", "https://mamot.fr/-/statuses/11"),
        ("https://jean:secret@site.fr/jean", "https://site.fr/"),
        ("https://jean.dupont@www.facebook.com/jean.dupont/posts/12", "https://www.facebook.com/"),
        ("https://jean.dupont@www.instagram.com/jean.dupont/", "https://www.instagram.com/"),
        ("https://site.fr/contact/jean@laposte.net/1", "https://site.fr/"),
        ("https://www.lemonde.fr/a/b_1.html?mail=jean%40laposte.net#c", "https://www.lemonde.fr/a/b_1.html"),
    ],
)
def test_an_address_leads_to_the_message_and_to_no_person(address, kept):
    assert mention_address(address) == kept
    in_sql = COLUMNAR[mention_address].replace("{c}", "address")
    assert duckdb.execute(f"select {in_sql} from (select ? as address)", [address]).fetchall() == [(kept,)]


def test_what_is_no_address_is_refused():
    with pytest.raises(ValueError, match="not a web address"):
        mention_address("javascript:alert(1)")


@pytest.mark.parametrize(("given", "kept"), [("-5", -5), ("+3", 3), ("2.0", 2), ("Négatif", -1), ("positive", 1)])
def test_sentiments(given, kept):
    assert sentiment(given) == kept


@pytest.mark.parametrize("given", ["6", "-7", "2.5", "joie"])
def test_other_sentiments_are_refused(given):
    with pytest.raises(ValueError, match="neither a number"):
        sentiment(given)


def test_networks_are_told_by_the_beginning_of_the_source_type():
    assert network(["SOCIALMEDIA", "SOCIALMEDIA_TWITTER"]) == "x"
    assert network(["ONLINENEWS", "ONLINENEWS_MAGAZINE"]) == "press"
    assert network(["BLOG", "BLOG_OTHER"]) == network(None) == "web"


def test_a_region_that_is_no_departement_gives_no_code():
    document = {"extra_source_attributes": {"world_data": {"region": "Bretagne"}}}
    assert neutral(document, "p")["department_code"] is None
    document["extra_source_attributes"]["world_data"]["region"] = "Côtes-d’Armor"
    assert neutral(document, "p")["department_code"] == "22"


# ---- files


def write(folder, name, text):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


VISIBRAIN = (
    "Date;Plateforme;URL;Texte;ID auteur;Nom de l'auteur;Abonnés;Compte vérifié;Tonalité;Topic;Colonne nouvelle\n"
    "31/03/2025 14:05;Twitter;https://x.com/jean/status/12;Appelez le 06 12 34 56 78;42;Jean Dupont;1500;Non;"
    "Négatif;Crues;a\n"
    "01/02/2025 09:00;Presse en ligne;https://journal.example/a1;;;;;;neutre;Crues;\n"
    "31/02/2025 09:00;Forum;https://forum.example/b;Bonjour;7;;;;;Crues;\n"
    "01/02/2025 09:00;Minitel;https://forum.example/c;Bonjour;7;;;;;Crues;\n"
)


def test_a_visibrain_export_becomes_neutral(place, exports_folder):
    report = load("listening", file=write(exports_folder, "visibrain.csv", VISIBRAIN))
    assert counts(report) == (2, 0, 0, 2)
    columns = (
        "mention_id, source_platform, published_at::varchar, url, text, author_id, author_followers,"
        " author_verified, sentiment, vendor, vendor_query, colonnes_inconnues"
    )
    assert ask(place, f"select {columns} from mentions order by published_at desc") == [
        (
            talkwalker.identifier("https://x.com/jean/status/12"),
            "x",
            "2025-03-31 12:05:00+00",
            "https://x.com/i/status/12",
            "Appelez le [TÉLÉPHONE]",
            pseudonymise("42"),
            1500,
            False,
            -1,
            "visibrain",
            "Crues",
            '{"Colonne nouvelle": "a"}',
        ),
        (
            talkwalker.identifier("https://journal.example/a1"),
            "press",
            "2025-02-01 08:00:00+00",
            "https://journal.example/a1",
            None,
            None,
            None,
            None,
            0,
            "visibrain",
            "Crues",
            None,
        ),
    ]
    assert [(e.line, e.field) for e in quarantine.entries("listening")] == [(4, "published_at"), (5, "source_platform")]
    assert counts(load("listening", file=exports_folder / "visibrain.csv")) == (0, 0, 2, 2)


@pytest.fixture
def exports_folder(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def test_a_map_of_ones_own_reads_another_export(place, exports_folder, monkeypatch):
    own = "vendor: maison\ntimezone: UTC\ncolumns: {clef: mention_id, ou: source_platform, quand: published_at}\n"
    own += "values: {source_platform: {Gazouillis: x}}\n"
    monkeypatch.setenv("CYBERIMPACT_LISTENING_COLUMN_MAP", str(write(exports_folder, "maison.yml", own)))
    file = write(exports_folder, "a.csv", "clef,ou,quand\n1,Gazouillis,2025-03-30T02:30:00\n")
    load("listening", file=file)
    assert ask(place, "select mention_id, source_platform, published_at::varchar, vendor from mentions") == [
        ("1", "x", "2025-03-30 02:30:00+00", "maison")
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("columns: [", "not a column map"),
        ("vendor: v\ncolumns: {a: auteur_favori}\n", "no field auteur_favori"),
        ("vendor: v\ntimezone: Asia/Tokyo\ncolumns: {a: url}\n", "'Asia/Tokyo'"),
        ("!!python/object/apply:os.getcwd []", "not a column map"),
    ],
)
@pytest.mark.usefixtures("place")
def test_a_bad_map_is_refused_with_its_problem(exports_folder, monkeypatch, content, problem):
    monkeypatch.setenv("CYBERIMPACT_LISTENING_COLUMN_MAP", str(write(exports_folder, "m.yml", content)))
    assert problem in refused(file=write(exports_folder, "a.csv", VISIBRAIN))


@pytest.mark.usefixtures("place")
def test_a_header_that_no_map_knows_is_told(exports_folder):
    message = refused(file=write(exports_folder, "a.csv", "alpha;beta\n1;2\n"))
    assert "CYBERIMPACT_LISTENING_COLUMN_MAP" in message


@pytest.mark.usefixtures("place")
def test_a_first_line_that_is_no_header_is_told_redacted(exports_folder):
    line = "Sophie Marchal;06 12 34 56 78;sophie.marchal@exemple.fr;Un message\n"
    message = refused(file=write(exports_folder, "a.csv", line))
    assert "no column map knows the header" in message
    assert [said for said in ("Marchal", "12 34 56", "exemple.fr") if said in message] == []


def test_the_maps_of_the_project_can_be_read():
    assert {known.vendor for known in exports.column_maps()} == {"visibrain", "talkwalker"}


def test_neutral_records_come_as_json_lines(place, exports_folder):
    good = {
        "mention_id": "m1",
        "source_platform": "telegram",
        "published_at": "2025-03-31T10:00:00+02:00",
        "text": "M. Dupont : jean.dupont@laposte.net",
        "author_name": "Jean Dupont",
        "is_share": True,
        "topics": ["crues", "routes"],
        "views": 12,
    }
    lines = [good, {**good, "mention_id": None}, {"mention_id": "m3", "source_platform": "x"}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + '\n[1]\n{"mention_id": "m4", "sour'
    report = load("listening", file=write(exports_folder, "m.jsonl", text))
    assert counts(report) == (1, 0, 0, 4)
    assert "truncated" in report.problems[0]
    columns = "published_at::varchar, is_share, topics, views, text like '%laposte%', text like '%Dupont%'"
    assert ask(place, f"select {columns} from mentions") == [
        ("2025-03-31 08:00:00+00", True, "crues;routes", 12, False, False)
    ]


@pytest.mark.usefixtures("place")
def test_an_empty_file_of_lines_is_told(exports_folder):
    assert "empty" in refused(file=write(exports_folder, "m.jsonl", ""))


@pytest.mark.usefixtures("place")
def test_a_file_that_is_not_there_is_told(exports_folder):
    assert "cannot be read" in refused(file=exports_folder / "m.jsonl")


def test_the_source_needs_no_secret_to_be_described():
    assert [table.name for table in listening.CONTRACT] == ["mentions", "volumes"]
