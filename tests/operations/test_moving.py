"""The operations move from the file of a home to PostgreSQL: every row, once, or nothing."""

from collections.abc import Iterator
from datetime import date

import pytest

from core.errors import ExpectedFailure
from core.settings import OPERATIONS_SETTING, Home
from operations import crises, models, moving
from operations.acts import Author
from tests.operations.test_database import clear, use_settings
from tests.postgres import Postgres, serving

AUTHOR = Author("veille")
DAY = date(2026, 11, 28)


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Postgres]:
    with serving() as made:
        yield made


@pytest.fixture
def filled(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose file has references, numbers that the database gives, bytes, JSON and a time of day."""
    home.root.mkdir()
    use_settings()
    crisis = crises.open_crisis(
        topics=["inondation"], territories=["FR-27"], title="Crue", kind=None, owner="team:veille", author=AUTHOR
    )
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=AUTHOR)
    models.ApiToken.objects.create(name="essai", sha256="a", role="nation", created_on=DAY, expires_on=DAY)
    models.ActionDraft.objects.create(account="a", role="nation", content={"titre": "Été", "n": [1, 2]})
    models.MailSubscription.objects.create(account="a", role="nation", address="a@example.org", quiet_from="22:30")
    for number in range(3):
        send(number)
    yield home
    monkeypatch.delenv(OPERATIONS_SETTING, raising=False)
    use_settings()


def send(number: int) -> models.Delivery:
    return models.Delivery.objects.create(
        sender="essai",
        platform="perceval",
        entity="reports",
        sha256=str(number),
        size_bytes=2,
        records=1,
        body=bytes([0, number]),
    )


def everything() -> dict[str, list[dict]]:
    """Return every row of every table."""
    return {
        model._meta.db_table: [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in model.objects.order_by("pk").values()
        ]
        for model in moving._in_order_of_references()
    }


@pytest.mark.long
def test_every_row_arrives_and_numbers_go_on(
    filled: Home, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    assert sum(map(bool, before.values())) >= 7
    monkeypatch.setenv(OPERATIONS_SETTING, postgres_server)
    use_settings()
    clear()
    moved = moving.move(filled)
    assert moved == {table: len(rows) for table, rows in before.items()}
    assert everything() == before
    assert not filled.operations.exists()
    last = max(row["number"] for row in before["inbox"])
    new = models.Delivery.objects.create(
        sender="essai", platform="perceval", entity="reports", records=1, size_bytes=9, sha256="n"
    )
    assert new.number > last
    with pytest.raises(ExpectedFailure, match=r"operations.sqlite does not exist"):
        moving.move(filled)


@pytest.mark.long
def test_a_database_with_rows_is_refused_and_the_file_stays(
    filled: Home, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    monkeypatch.setenv(OPERATIONS_SETTING, postgres_server)
    use_settings()
    for model in reversed(moving._in_order_of_references()):
        model.objects.all().delete()
    models.Topic.objects.create(code="autre", label="Autre", query="autre", kind="cyber", owner="team:veille")
    with pytest.raises(ExpectedFailure, match="has rows already, in topics"):
        moving.move(filled)
    models.Topic.objects.all().delete()
    with monkeypatch.context() as patch:
        patch.setattr(moving, "_go_on_counting", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            moving.move(filled)
    assert not any(everything().values()), "nothing of a move that breaks stays"
    monkeypatch.delenv(OPERATIONS_SETTING)
    use_settings()
    assert everything() == before


def test_without_an_address_nothing_moves(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OPERATIONS_SETTING, raising=False)
    with pytest.raises(ExpectedFailure, match="names no PostgreSQL database"):
        moving.move(filled)
    assert filled.operations.exists()
