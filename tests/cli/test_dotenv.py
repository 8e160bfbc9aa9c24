"""The `.env` of a checkout: made once with secrets of its own, completed later, and never changed in what it says."""

from pathlib import Path

import pytest
from dotenv import dotenv_values

from cli.dotenv import write
from core.settings import CHECKOUT, DEFAULT_PORTS
from operations import subscriptions
from sandbox.app import addresses

EXAMPLE = """# Settings.
#CYBERIMPACT_HOME=

SUPERSET_SECRET_KEY=
SUPERSET_ADMIN_PASSWORD=

CYBERIMPACT_URL=http://127.0.0.1:8090/api?x=1
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / ".env.example"
    path.write_text(EXAMPLE)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_new_file_has_every_setting_and_a_secret_where_the_example_is_empty(example: Path, target: Path) -> None:
    write(example, target)
    values = dotenv_values(target)
    assert values.keys() == {"SUPERSET_SECRET_KEY", "SUPERSET_ADMIN_PASSWORD", "CYBERIMPACT_URL"}
    assert values["CYBERIMPACT_URL"] == "http://127.0.0.1:8090/api?x=1"
    assert len(values["SUPERSET_SECRET_KEY"]) >= 32
    assert values["SUPERSET_SECRET_KEY"] != values["SUPERSET_ADMIN_PASSWORD"]
    assert "# Settings." in target.read_text(), "the comments say what may be set"


def test_secrets_differ_from_checkout_to_checkout(example: Path, tmp_path: Path) -> None:
    write(example, tmp_path / "one")
    write(example, tmp_path / "two")
    one, two = dotenv_values(tmp_path / "one"), dotenv_values(tmp_path / "two")
    assert one["SUPERSET_SECRET_KEY"] != two["SUPERSET_SECRET_KEY"]


def test_only_its_owner_may_read_it(example: Path, target: Path) -> None:
    write(example, target)
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_is_closed(example: Path, target: Path) -> None:
    target.write_text("SUPERSET_SECRET_KEY=mine\n")
    target.chmod(0o644)
    write(example, target)
    assert target.stat().st_mode & 0o777 == 0o600


def test_writing_again_changes_nothing(example: Path, target: Path) -> None:
    write(example, target)
    first = target.read_bytes()
    write(example, target)
    assert target.read_bytes() == first


@pytest.mark.parametrize(
    "mine",
    [
        "SUPERSET_SECRET_KEY=mine",
        "SUPERSET_SECRET_KEY = mine",
        "SUPERSET_SECRET_KEY='mine'",
        "export SUPERSET_SECRET_KEY=mine",
        "  SUPERSET_SECRET_KEY=mine",
    ],
)
def test_what_stands_there_wins_and_what_lacks_is_added(example: Path, target: Path, mine: str) -> None:
    target.write_text(f"# Mine.\n{mine}\nOTHER=kept")
    write(example, target)
    assert target.read_text().startswith(f"# Mine.\n{mine}\nOTHER=kept\n")
    values = dotenv_values(target)
    assert values["SUPERSET_SECRET_KEY"] == "mine"
    assert values["SUPERSET_ADMIN_PASSWORD"]
    assert values["CYBERIMPACT_URL"] == "http://127.0.0.1:8090/api?x=1"


def test_a_secret_left_empty_is_filled_in(example: Path, target: Path) -> None:
    target.write_text(EXAMPLE)
    write(example, target)
    assert dotenv_values(target)["SUPERSET_SECRET_KEY"]


@pytest.mark.parametrize("line", ["CYBERIMPACT_HOME=", "CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY="])
def test_a_setting_that_is_empty_on_purpose_is_not_a_secret_to_invent(example: Path, target: Path, line: str) -> None:
    """Empty means the default; a made-up home or key would be used as if somebody had meant it."""
    target.write_text(f"SUPERSET_SECRET_KEY=mine\nSUPERSET_ADMIN_PASSWORD=mine\n{line}\n")
    write(example, target)
    assert line in target.read_text().splitlines()


def test_only_a_new_file_sends_mail_to_the_demonstration(tmp_path: Path) -> None:
    written = {}
    for name, before in (("new", None), ("old", "SUPERSET_SECRET_KEY=mine\n"), ("own", "CYBERIMPACT_SMTP_HOST=mine\n")):
        target = tmp_path / name
        if before:
            target.write_text(before)
        write(CHECKOUT / ".env.example", target)
        written[name] = dotenv_values(target).get("CYBERIMPACT_SMTP_HOST")
    assert written == {"new": "127.0.0.1", "old": None, "own": "mine"}


def test_the_example_mails_to_the_mailbox_what_its_subscriptions_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    values = dotenv_values(CHECKOUT / ".env.example")
    assert values["CYBERIMPACT_SMTP_PORT"] == DEFAULT_PORTS["mailbox"]
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(values["CYBERIMPACT_SUBSCRIPTIONS"]))
    monkeypatch.chdir("/")
    [demonstration] = subscriptions.of_file()
    assert (demonstration.channel, demonstration.minimum_severity) == ("mail", 1)
    assert {"signals", "operations"} <= demonstration.wants


def test_the_example_of_this_checkout_gives_every_secret_and_no_value_that_is_one() -> None:
    values = dotenv_values(CHECKOUT / ".env.example")
    empty = {name for name, value in values.items() if not value}
    assert empty >= {"SUPERSET_SECRET_KEY", "SUPERSET_ADMIN_PASSWORD"}
    secrets = {name for name in values.keys() - empty if name.endswith(("KEY", "KEYS", "PASSWORD", "SECRET", "TOKEN"))}
    assert {values[name] for name in secrets} == {"sandbox"}, "which any key opens"


def test_the_example_reads_the_sandbox_for_every_platform_that_it_stands_in_for() -> None:
    values = dotenv_values(CHECKOUT / ".env.example")
    expected = addresses(f"http://127.0.0.1:{DEFAULT_PORTS['sandbox']}")
    assert {name: values.get(name) for name in expected} == expected
