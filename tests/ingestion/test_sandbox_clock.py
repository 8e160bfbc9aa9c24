"""No stand-in shows what is still to come, at any hour and in whatever zone the machine is."""

import csv
import io
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from sandbox import app, audience, brigade_numerique, clock, jdma, listening, pre_plainte
from sandbox.places import PARIS

SEED = 17
HOURS = ("2025-02-10T00:05", "2025-02-10T05:30", "2025-02-10T12:00", "2025-02-10T22:30", "2025-02-10T23:30")

#: A time with its day, as in JSON: ISO 8601 with or without offset, or seconds and milliseconds since 1970.
_TIME = re.compile(r'"(20\d\d-\d\d-\d\dT\d\d:\d\d[^"]*)"|(?<!\d)(17\d{8})(?:\d{3})?(?!\d)')

#: What each platform is asked, and the headers that open it.
QUESTIONS = {
    "jdma": f"{jdma.PREFIX}/avis?form_id=12&limit=100",
    "partoo": "/partoo/v2/reviews?per_page=100",
    "play": "/app_stores/play/androidpublisher/v3/applications/fr.gouv.interieur.masecurite/reviews?maxResults=100",
    "app_store": "/app_stores/apple/fr/rss/customerreviews/page=1/id=1606080425/sortby=mostrecent/json",
    "ma_securite": "/ma_securite/api/actualites?size=200&sort=dateCreation,desc",
    "vigicrues": "/official_alerts/vigicrues/services/InfoVigiCru.geojson",
    "listening": f"{listening.BASE}/results?access_token=a&hpp=499&sort_by=published",
}
HEADERS = {"authorization": "Bearer a", "x-apikey": "a", "x-api-key": "a", "apikey": "a"}


@pytest.fixture(params=HOURS)
def now(request, monkeypatch):
    """An hour at which the clock stands still."""
    instant = datetime.fromisoformat(request.param).replace(tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: instant)
    return instant


@pytest.fixture(params=["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def zone(request, monkeypatch):
    """A zone in which the machine is."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def instants(text):
    """Yield the times in an answer; one without an offset is of Paris."""
    for written, seconds in _TIME.findall(text):
        moment = datetime.fromisoformat(written) if written else datetime.fromtimestamp(int(seconds), UTC)
        yield moment if moment.tzinfo else moment.replace(tzinfo=PARIS)


@pytest.mark.parametrize("platform", QUESTIONS)
def test_an_address_shows_nothing_of_later(now, platform):
    client = TestClient(app.build_app(SEED, clock.today), headers=HEADERS)
    answer = client.get(QUESTIONS[platform])
    assert answer.status_code == 200, answer.text
    served = list(instants(answer.text))
    assert served
    assert max(served) <= now


def test_the_map_of_alerts_was_issued(now):
    client = TestClient(app.build_app(SEED, clock.today), headers=HEADERS)
    product = client.get("/official_alerts/meteo_france/public/DPVigilance/v1/cartevigilance/encours").json()["product"]
    assert datetime.fromisoformat(product["update_time"]) <= now


def test_hours_of_audience_have_begun(now):
    day = clock.today()
    rows = audience.piano_rows(SEED, audience.GENDARMERIE, "hours", day - timedelta(days=1), day)
    served = [(row["date"], int(row["visit_hour"])) for row in rows if row["visit_hour"] != "N/A"]
    at = clock.local(now)
    assert max(served) <= (at.date().isoformat(), at.hour)
    by_month = audience.piano_rows(SEED, audience.GENDARMERIE, "sources", day.replace(day=1), day)
    hours = audience.piano_rows(SEED, audience.GENDARMERIE, "hours", day.replace(day=1), day)
    assert sum(row["m_visits"] for row in by_month) == sum(row["m_visits"] for row in hours), "the tables add up"


def times_of(content, delimiter, columns, form):
    rows = csv.reader(io.StringIO(content.decode("utf-8", errors="replace")), delimiter=delimiter)
    for row in rows:
        for column in columns:
            try:
                yield datetime.strptime(row[column], form)  # noqa: DTZ007 (local time, as in the file)
            except ValueError:
                continue


@pytest.mark.usefixtures("zone")
def test_files_hold_nothing_of_later(now):
    day = clock.today()
    at = clock.local(now)
    for _, content in brigade_numerique.drops(SEED, day):
        assert max(times_of(content, ";", [1], "%d/%m/%Y %H:%M")) <= at
    for _, content in pre_plainte.drops(SEED, day):
        assert max(times_of(content, ",", [1, 2], "%Y-%m-%d %H:%M:%S")) <= at
    for _, content in jdma.drops(SEED, day):
        assert max(times_of(content, ",", [0], "%Y-%m-%d %H:%M:%S")) <= now.replace(tzinfo=None)


@pytest.mark.usefixtures("now")
def test_a_day_that_is_over_is_told_to_its_end():
    day = clock.today() - timedelta(days=3)
    reviews = [review for review in jdma.history(SEED, day) if review.created_at.date() == day]
    assert len(reviews) == len(jdma.reviews_of(SEED, day))
    [content] = [content for _, content in brigade_numerique.drops(SEED, day)]
    served = [moment for moment in times_of(content, ";", [1], "%d/%m/%Y %H:%M") if moment.date() == day]
    assert len(served) == len(brigade_numerique.contacts_of(SEED, day))
