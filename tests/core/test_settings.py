"""Where settings come from, and what is said of one that is absent or wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core import settings
from core.errors import ExpectedFailure


@pytest.mark.parametrize("value", ["0", "65536", "-1", "80a", "3.5", "http", "1e3"])
def test_a_port_that_is_none_is_refused_by_name_and_value(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", value)
    with pytest.raises(ExpectedFailure) as refused:
        settings.port("superset")
    assert "CYBERIMPACT_SUPERSET_PORT" in refused.value.what
    assert value in refused.value.what
    assert "65535" in refused.value.remedy


@pytest.mark.parametrize("value", ["1", "65535", " 8088 "])
def test_a_port_is_a_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CYBERIMPACT_DAGSTER_PORT", value)
    assert settings.port("dagster") == int(value)


def test_a_former_name_is_read_where_the_new_one_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*settings.FORMER_NAMES, *settings.FORMER_NAMES.values()):
        monkeypatch.setenv(name, "")
    assert (settings.port("web"), settings.web_url()) == (8091, "http://127.0.0.1:8091")
    monkeypatch.setenv("CYBERIMPACT_API_PORT", "8191")
    assert (settings.port("web"), settings.web_url()) == (8191, "http://127.0.0.1:8191")
    monkeypatch.setenv("CYBERIMPACT_API_URL", "https://liens.example/")
    assert settings.web_url() == "https://liens.example"
    monkeypatch.setenv("CYBERIMPACT_WEB_PORT", "8291")
    monkeypatch.setenv("CYBERIMPACT_WEB_URL", "https://pages.example")
    assert (settings.port("web"), settings.web_url()) == (8291, "https://pages.example")


def test_the_default_ports_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    services = tuple(settings.DEFAULT_PORTS)
    for service in services:
        monkeypatch.setenv(f"CYBERIMPACT_{service.upper()}_PORT", "")
    assert len({settings.port(service) for service in services}) == len(services)


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_required_setting_that_is_absent_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("CYBERIMPACT_UNKNOWN", raising=False)
    if value is not None:
        monkeypatch.setenv("CYBERIMPACT_UNKNOWN", value)
    with pytest.raises(ExpectedFailure) as refused:
        settings.require("CYBERIMPACT_UNKNOWN")
    assert "CYBERIMPACT_UNKNOWN" in refused.value.what
    assert "make install" in refused.value.remedy


def test_every_path_of_a_home_lies_below_its_root(tmp_path: Path) -> None:
    home = settings.Home(tmp_path)
    names = [name for name, value in vars(settings.Home).items() if isinstance(value, property)]
    paths = [getattr(home, name) for name in names]
    assert len(paths) == len(set(paths)) >= 10
    assert all(path.is_relative_to(tmp_path) and path != tmp_path for path in paths)


def test_a_home_is_absolute_whatever_it_was_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, expected in {"here": tmp_path / "here", "~/there": tmp_path / "there", "a/../b": tmp_path / "b"}.items():
        monkeypatch.setenv("CYBERIMPACT_HOME", name)
        assert settings.home().root == expected


def test_a_home_is_var_in_the_checkout_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_HOME", "")
    assert settings.home().root == settings.CHECKOUT / "var"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another checkout, with a `.env` of its own and nothing but the settings in it."""
    (tmp_path / "core").mkdir()
    for name in ("__init__.py", "settings.py", "errors.py", "installation.py"):
        shutil.copy(settings.CHECKOUT / "core" / name, tmp_path / "core")
    (tmp_path / ".env").write_text("A=from the file\nB=from the file\nC=from the file\n")
    return tmp_path


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(checkout: Path) -> None:
    program = "from core import settings; print(*(settings.get(name, 'default') for name in 'ABCD'), sep=', ')"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), "B": "from the environment", "C": " "}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environment, cwd="/", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "from the file, from the environment, default, default"


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "٣x"])
def test_what_counts_is_a_whole_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CYBERIMPACT_ACCESS_DAYS", text)
    with pytest.raises(ExpectedFailure, match="no number of days"):
        settings.whole_number("CYBERIMPACT_ACCESS_DAYS", 365, "days")


def test_what_counts_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CYBERIMPACT_ACCESS_DAYS", raising=False)
    assert settings.whole_number("CYBERIMPACT_ACCESS_DAYS", 365, "days") == 365


def test_machines_that_share_a_home_keep_what_is_of_one_machine_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_HOME", "/srv/data")
    monkeypatch.setenv(settings.NODE_SETTING, "srv-1")
    home = settings.home()
    assert (home.run, home.logs) == (Path("/srv/data/run/srv-1"), Path("/srv/data/logs/srv-1"))
    assert home.warehouse == Path("/srv/data/warehouse.duckdb")
    for name in ("../srv", "SRV", "a b", "-"):
        monkeypatch.setenv(settings.NODE_SETTING, name)
        with pytest.raises(ExpectedFailure, match=settings.NODE_SETTING):
            settings.home()
    monkeypatch.setenv(settings.NODE_SETTING, "")
    assert settings.home().run == Path("/srv/data/run")
