"""What a load says while it reads."""

import re

from ingestion.engine.loading import load
from ingestion.engine.progress import Progress
from tests.ingestion.conftest import experience, write_export

SAID = re.compile(r"(\d+) records read, (\d+) pages, \d+ records/s")


def counted(said: str) -> tuple[int, ...]:
    found = SAID.fullmatch(said)
    assert found, said
    return tuple(map(int, found.groups()))


def test_an_api_is_counted_page_by_page_over_all_of_its_tables(sandbox):  # noqa: ARG001 (it answers)
    said: list[str] = []
    report = load("services_publics_plus", progress=Progress(said.append))
    assert len(said) > 1
    assert [counted(sentence)[1] for sentence in said] == [*range(1, len(said) + 1)]
    assert counted(said[-1])[0] == report.total("rows_read")


def test_a_file_is_counted_batch_by_batch(home, exports, monkeypatch):  # noqa: ARG001 (it takes the load)
    monkeypatch.setattr("ingestion.engine.loading.BATCH_ROWS", 2)
    said: list[str] = []
    file = write_export(exports, *(experience(f"{number}") for number in range(1, 6)))
    load("services_publics_plus", file=file, progress=Progress(said.append))
    assert [counted(sentence) for sentence in said] == [(2, 1), (4, 2), (5, 3)]
