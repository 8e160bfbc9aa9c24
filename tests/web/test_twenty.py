"""Twenty people at once on the pages as gunicorn serves them: nothing they write is lost, whatever else goes on."""

import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from core import settings
from core.settings import Home
from operations import crises, verdicts
from operations.acts import Author
from operations.models import Act, Crisis
from tests.ports import free_port
from tests.superset.copies import publish
from tests.web import process
from tests.web.conftest import Answering
from tests.web.watching import publish_watch, signal
from warehouse.publication import prune

pytestmark = pytest.mark.long

Result = TypeVar("Result")

PEOPLE, LINES = 20, 3
SIGNALS = tuple(signal(number, topic_code="hameconnage", topic_label="Hameçonnage") for number in (1, 2))
OFFICER = Author("veille")
#: How long an answer of Superset may hold for reading.
KNOWN_SECONDS = 6
HOLD = """
import sys
from pathlib import Path
from contextlib import ExitStack
import duckdb
from core.locks import writer_lock
with ExitStack() as held:
    for file in map(Path, sys.argv[1:]):
        held.enter_context(writer_lock(file))
        writer = held.enter_context(duckdb.connect(str(file)))
        writer.execute("begin; create table if not exists half_built as select 1 as n")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def superset(port: int) -> Generator[None]:
    """Answer as Superset does who somebody is, while the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", port), Answering) as stub:
        threading.Thread(target=stub.serve_forever, daemon=True).start()
        yield
        stub.shutdown()


@contextmanager
def without(folder: Path) -> Generator[None]:
    """Move a folder away while the block lasts."""
    away = folder.rename(folder.with_name("away"))
    try:
        yield
    finally:
        away.rename(folder)


@dataclass(frozen=True)
class Site:
    """Served pages.

    Attributes:
        home: What they are served over; this process has it too.
        url: Their address.
        superset_port: Where they ask who somebody is.
    """

    home: Home
    url: str
    superset_port: int


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("twenty"), free_port()
    home, log = Home(folder / "home"), folder / "pages.log"
    publish_watch(home, SIGNALS)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CYBERIMPACT_HOME", str(home.root))
        environment.setenv("CYBERIMPACT_SUPERSET_PORT", str(port))
        environment.setenv("PYTHONFAULTHANDLER", "1")
        with process.pages(home, log) as url:
            yield Site(home, url, port)
    said = log.read_text()
    assert not re.search("Traceback|Fatal|SIG", said), said


@pytest.fixture
def crisis(site: Site) -> Iterator[Crisis]:  # noqa: ARG001 - its home
    made = crises.open_crisis(
        topics=["hameconnage"],
        territories=["FR-33"],
        title="Faux colis",
        kind=None,
        owner="team:veille",
        author=OFFICER,
    )
    yield made
    crises.close(made.crisis_id, OFFICER)


class Visitor:
    """Somebody's session on the pages, without a browser."""

    def __init__(self, site: Site, name: str) -> None:
        cookies = {"session": quote(f"{name}:veille")}
        self.name, self.http = name, httpx.Client(base_url=site.url, cookies=cookies, timeout=120)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def open(self, path: str) -> None:
        """Open a page with a form, so that one may be sent."""
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', self.get(path).text)
        assert token
        self.http.headers["X-CSRFToken"] = token[1]

    def send(self, path: str, **fields: str) -> httpx.Response:
        return self.http.post(path, data={"form_id": str(uuid4())} | fields)


@pytest.fixture
def everybody(site: Site) -> Iterator[list[Visitor]]:
    visitors = [Visitor(site, f"agent{number}") for number in range(PEOPLE)]
    yield visitors
    for visitor in visitors:
        visitor.http.close()


def at_once(visitors: list[Visitor], does: Callable[[Visitor], Result]) -> list[Result]:
    """Let everybody do something, all beginning at the same moment."""
    begin = threading.Barrier(len(visitors))

    def do(visitor: Visitor) -> Result:
        begin.wait()
        return does(visitor)

    with ThreadPoolExecutor(len(visitors)) as threads:
        return list(threads.map(do, visitors))


def test_one_journal_keeps_every_line_once(site: Site, crisis: Crisis, everybody: list[Visitor]) -> None:
    path = f"/crises/{crisis.crisis_id}"

    def write(visitor: Visitor) -> list[int]:
        """Write lines, each sent twice as by a double click."""
        statuses = []
        for number in range(LINES):
            line = {"note": f"{visitor.name}, ligne {number}", "kind": "fait", "form_id": str(uuid4())}
            statuses += [visitor.send(path, **line).status_code for _ in range(2)]
        return statuses

    with superset(site.superset_port):
        at_once(everybody, lambda visitor: visitor.open(path))
        statuses = Counter(status for answers in at_once(everybody, write) for status in answers)
        shown = everybody[0].get(path).text
    assert statuses == {HTTPStatus.SEE_OTHER: 2 * PEOPLE * LINES}
    written = crises.events(crisis)
    wanted = {f"{visitor.name}, ligne {number}" for visitor in everybody for number in range(LINES)}
    assert Counter(line.note for line in written) == dict.fromkeys(wanted, 1)
    assert sorted(line.number for line in written) == list(range(1, PEOPLE * LINES + 1))
    assert all(note in shown for note in wanted)
    authors = Counter(
        Act.objects.filter(object_id=crisis.crisis_id, kind="entrée au journal").values_list("account", flat=True)
    )
    assert sorted(authors.values()) == [LINES] * PEOPLE, "each has written his own"


def test_one_signal_gets_one_verdict_and_the_others_read_it(site: Site, everybody: list[Visitor]) -> None:
    path = f"/veille/{SIGNALS[0].signal_id}"

    def judge(visitor: Visitor) -> httpx.Response:
        confirms = int(visitor.name.removeprefix("agent")) % 2
        return visitor.send(path, verdict="confirmé" if confirms else "écarté", note=f"Vu de {visitor.name}", after="")

    with superset(site.superset_port):
        at_once(everybody, lambda visitor: visitor.open(path))
        answers = at_once(everybody, judge)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {HTTPStatus.FOUND: 1, HTTPStatus.CONFLICT: PEOPLE - 1}
    (given,) = verdicts.given(SIGNALS[0].signal_id)
    for visitor, answer in zip(everybody, answers, strict=True):
        if answer.status_code == HTTPStatus.FOUND:
            assert given.note == f"Vu de {visitor.name}"
        else:
            assert f"le rôle « Cellule de veille » a rendu le verdict « {given.verdict} » ({given.note})" in answer.text
            assert f"Vu de {visitor.name}</textarea>" in answer.text, "what he had typed stays"


def test_pages_answer_while_copies_are_swapped(site: Site, crisis: Crisis, everybody: list[Visitor]) -> None:
    """A build that is published takes the oldest one away: who reads that one is not disturbed."""
    path = f"/crises/{crisis.crisis_id}"
    paths = ("/veille", f"/veille/{SIGNALS[1].signal_id}", path)
    done = threading.Event()

    def read(visitor: Visitor) -> Counter[int]:
        statuses: Counter[int] = Counter()
        while not done.is_set() or len(statuses) == 0:
            statuses.update(visitor.get(path).status_code for path in paths)
        return statuses

    def swap() -> None:
        try:
            for number in range(2, 7):
                for target in ("daily", "live"):
                    publish(site.home.published / target, str(number))
                    prune(site.home.published / target)
                done.wait(1)
        finally:
            done.set()

    with superset(site.superset_port):
        swapping = threading.Thread(target=swap)
        swapping.start()
        statuses = at_once(everybody, read)
        swapping.join()
    assert (site.home.published / "daily" / "current").readlink() == Path("6")
    assert not (site.home.published / "daily" / "1").exists()
    assert sum(statuses, Counter()).keys() == {HTTPStatus.OK}


def test_a_journal_is_written_while_builds_hold_the_files(site: Site, crisis: Crisis, everybody: list[Visitor]) -> None:
    path = f"/crises/{crisis.crisis_id}"
    files = (str(site.home.warehouse), str(site.home.live))
    builder = subprocess.Popen(
        [sys.executable, "-c", HOLD, *files], cwd=settings.CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert builder.stdout
        assert builder.stdout.readline() == b"held\n"
        with superset(site.superset_port):
            visitor = everybody[0]
            visitor.open(path)
            assert visitor.send(path, note="Pendant un calcul", kind="fait").status_code == HTTPStatus.SEE_OTHER
            for read in ("/veille", f"/veille/{SIGNALS[0].signal_id}", path, f"{path}/rapport"):
                assert visitor.get(read).status_code == HTTPStatus.OK, read
        assert builder.poll() is None
    finally:
        builder.communicate()


def test_a_journal_is_written_without_the_daily_copy(site: Site, crisis: Crisis, everybody: list[Visitor]) -> None:
    path, visitor = f"/crises/{crisis.crisis_id}", everybody[0]
    with superset(site.superset_port), without(site.home.published / "daily"):
        visitor.open(path)
        assert visitor.send(path, note="Sans chiffres", kind="fait").status_code == HTTPStatus.SEE_OTHER
        assert "Sans chiffres" in visitor.get(path).text
        assert visitor.get(f"{path}/rapport").status_code == HTTPStatus.OK
        missing = visitor.get("/veille")
    assert missing.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Rien n'est encore publié" in unescape(missing.text)


def test_nobody_is_let_in_while_superset_is_down(site: Site, crisis: Crisis, everybody: list[Visitor]) -> None:
    path = f"/crises/{crisis.crisis_id}"
    with superset(site.superset_port):
        at_once(everybody, lambda visitor: visitor.open(path))
    refused = at_once(everybody, lambda visitor: visitor.send(path, note="Perdue ?", kind="fait"))
    assert {answer.status_code for answer in refused} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert crises.events(crisis) == []
    threading.Event().wait(KNOWN_SECONDS)
    unread = at_once(everybody, lambda visitor: visitor.get(path))
    assert {answer.status_code for answer in unread} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert all("Superset, qui dit qui vous êtes, ne répond pas" in answer.text for answer in unread)
    with superset(site.superset_port):
        answers = at_once(everybody, lambda visitor: visitor.send(path, note=visitor.name, kind="fait"))
    assert {answer.status_code for answer in answers} == {HTTPStatus.SEE_OTHER}
    assert len(crises.events(crisis)) == PEOPLE
