"""The subscriptions are what their file declares; what cannot be meant is refused with its place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import ExpectedFailure
from operations import subscriptions
from operations.subscriptions import declared

ENTRY: dict[str, Any] = {
    "recipient": "permanence-veille",
    "role": "veille",
    "channel": "mail",
    "address": "permanence@unite.example",
    "wants": ["signals"],
}


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def written(*entries: Any) -> None:
        path = tmp_path / "subscriptions.yml"
        path.write_text(yaml.safe_dump({"subscriptions": list(entries)}), encoding="utf-8")
        monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(path))

    return written


def test_what_is_shipped_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", "")
    assert declared() == ()


def test_an_entry_with_the_least(write) -> None:
    write(ENTRY)
    [subscription] = declared()
    assert (subscription.recipient, subscription.destination(), subscription.minimum_severity) == (
        "permanence-veille",
        "permanence@unite.example",
        1,
    )
    assert subscription.quiet_hours is subscription.cap_per_hour is None
    assert declared("digest") == ()
    assert declared("signals") == (subscription,)


def test_an_entry_with_everything(write) -> None:
    write(
        ENTRY
        | {
            "territories": ["FR-33", "GN-NAQ"],
            "kinds": ["rumeur"],
            "minimum_severity": 3,
            "quiet_hours": "22:00-06:30",
            "cap_per_hour": 6,
            "dashboards": ["territoire", "acteurs", "territoire"],
        },
        ENTRY | {"channel": "matrix", "address": "https://matrix.example/!room:matrix.example", "wants": ["digest"]},
    )
    [first, second] = declared()
    assert first.territories == {"FR-33", "GN-NAQ"}
    assert (first.minimum_severity, first.cap_per_hour) == (3, 6)
    assert first.dashboards == ("territoire", "acteurs")
    assert second.key == "matrix:permanence-veille"


@pytest.mark.parametrize(
    ("utc", "held"),
    [
        ("2026-01-10T20:59", False),  # 21:59 in Paris
        ("2026-01-10T21:00", True),
        ("2026-01-11T05:29", True),
        ("2026-01-11T05:30", False),  # 06:30 in Paris
        ("2026-07-10T20:00", True),  # 22:00 in Paris in summer
    ],
)
def test_quiet_hours_are_those_of_paris_and_span_midnight(write, utc: str, held: bool) -> None:
    write(ENTRY | {"quiet_hours": "22:00-06:30"})
    [subscription] = declared()
    assert subscription.quiet_hours is not None
    assert subscription.quiet_hours.hold(datetime.fromisoformat(utc).replace(tzinfo=UTC)) is held


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipient": "Jean Dupont"}, "recipient must be a name"),
        ({"role": None}, "role must be a name"),
        ({"channel": "fax"}, "one of mail, webhook, matrix"),
        ({"address": "nobody"}, "is no mail address"),
        ({"address": "a@b\nBcc: c@d"}, "is no mail address"),
        ({"channel": "webhook", "address": "http://hooks.example/x"}, "must begin with https"),
        ({"channel": "webhook", "address": "ftp://hooks.example/x"}, "is no web address"),
        ({"channel": "matrix", "address": "https://matrix.example/room"}, "must end with a room"),
        ({"wants": []}, "must be a list of some of signals, digest, ledger_head"),
        ({"wants": ["everything"]}, "must be a list of some of signals"),
        ({"territories": ["Gironde"]}, "list of codes"),
        ({"kinds": ["météo"]}, "list of some of climatique"),
        ({"minimum_severity": 5}, "1, 2, 3 or 4"),
        ({"minimum_severity": True}, "1, 2, 3 or 4"),
        ({"quiet_hours": "25:00-06:00"}, "hours such as"),
        ({"cap_per_hour": 0}, "above 0"),
        ({"dashboards": ["audit"]}, "list of some of acteurs, .*reserved does not leave"),
        ({"dashboards": ["acteurs", "territoire"]}, "has territoire, which shows one territory"),
        ({"dashboards": ["Acteurs"]}, "list of some of acteurs, impact, perception, territoire, veille, visibilite"),
        ({"severity": 3}, "severity means nothing here"),
    ],
)
def test_what_cannot_be_meant_is_refused(write, change: dict[str, Any], said: str) -> None:
    write(ENTRY, ENTRY | {"recipient": "other"} | change)
    with pytest.raises(ExpectedFailure, match=f"subscriptions.yml, entry 2: .*{said}"):
        declared()


def test_an_address_that_is_refused_is_not_shown(write) -> None:
    write(ENTRY | {"channel": "webhook", "address": "http://hooks.example/a-token"})
    with pytest.raises(ExpectedFailure) as refusal:
        declared()
    assert "a-token" not in str(refusal.value)


def test_the_same_recipient_twice_on_a_channel(write) -> None:
    write(ENTRY, ENTRY)
    with pytest.raises(ExpectedFailure, match="two entries for mail"):
        declared()


def test_an_address_in_a_setting(write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ENTRY | {"channel": "webhook", "address": "$CYBERIMPACT_HOOK"})
    [subscription] = declared()
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_HOOK is absent"):
        subscription.destination()
    monkeypatch.setenv("CYBERIMPACT_HOOK", "http://hooks.example/a-token")
    with pytest.raises(ExpectedFailure, match="must begin with https") as refusal:
        subscription.destination()
    assert "a-token" not in str(refusal.value)
    monkeypatch.setenv("CYBERIMPACT_HOOK", "https://hooks.example/a-token")
    assert subscription.destination() == "https://hooks.example/a-token"


@pytest.mark.parametrize("content", ["- a list", "subscriptions: {}", "subscriptions: [: ", "!!python/object:os.x {}"])
def test_a_file_that_is_no_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    path = tmp_path / "some.yml"
    path.write_text(content)
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(path))
    with pytest.raises(ExpectedFailure, match=r"some\.yml"):
        declared()


def test_the_file_that_is_shipped_is_the_one_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", "")
    assert subscriptions.file() == subscriptions.FILE
