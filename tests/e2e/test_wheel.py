"""The wheel holds everything: it installs, loads, builds and publishes where there is no checkout."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from core import settings
from sandbox.app import dropped_files
from sandbox.drops import deliver

pytestmark = pytest.mark.long

UV = settings.CHECKOUT / ".uv" / "bin" / "uv"
#: What the platform starts by its path, beside its own Python.
SCRIPTS = ("dbt",)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what git would commit: a clone, and in it what is changed here."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    run("git", "clone", "--quiet", settings.CHECKOUT, tree)
    changed = run("git", "-C", settings.CHECKOUT, "diff", "HEAD", "--binary").stdout
    if changed:
        subprocess.run(["git", "-C", tree, "apply"], input=changed, text=True, check=True)
    run(UV, "build", "--quiet", "--offline", "--wheel", "--no-build-isolation", "--python", sys.executable, tree)
    (built,) = (tree / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which shares the dependencies of the one of the tests."""
    folder = tmp_path_factory.mktemp("opt") / ".venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (shared,) = (Path(path) for path in sys.path if path.startswith(sys.prefix) and path.endswith("site-packages"))
    # Read after those of its own, as a path: the editable install of the checkout is no package there.
    (packages / "zz_shared.pth").write_text(f"{shared}\n")
    run(UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", folder / "bin" / "python", wheel)
    for name in SCRIPTS:
        script = Path(sys.executable).with_name(name).read_text().splitlines(keepends=True)
        (folder / "bin" / name).write_text("".join([f"#!{folder / 'bin' / 'python'}\n", *script[1:]]))
        (folder / "bin" / name).chmod(0o700)
    return folder


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done


class Installation:
    """What an administrator has: a folder, and the command."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "config" / "cyberimpact.toml"
        self.data = folder / "data"
        self._command = environment / "bin" / "cyberimpact"
        # Nothing that the tests have set for themselves.
        self._variables = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}

    def command(self, *arguments: str | Path, wrong: bool = False, **variables: str) -> str:
        """Run the command outside of every checkout, and return what it prints, or the refusal where it is wrong."""
        command = [self._command, *arguments]
        own = self._variables | variables
        done = subprocess.run(command, env=own, cwd="/", capture_output=True, text=True, check=False)
        assert bool(done.returncode) == wrong, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stderr if wrong else done.stdout

    def __call__(self, *arguments: str | Path) -> str:
        return self.command(*arguments, CYBERIMPACT_CONFIG=str(self.file))


@pytest.fixture(scope="module")
def installed(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A new installation."""
    installation = Installation(environment, tmp_path_factory.mktemp("srv") / "cyberimpact")
    installation.command("init", installation.folder)
    return installation


def test_without_an_installation_a_command_says_what_to_do(installed: Installation) -> None:
    assert "cyberimpact init FOLDER" in installed.command("kpi", "list", wrong=True)
    assert "Run the command in a clone" in installed.command(
        "new", "chart", "a", "--pillar", "actors", "--title", "A", "--kpi", "b", wrong=True
    )


def test_a_new_installation_is_sound(installed: Installation) -> None:
    lines = installed("config", "check").splitlines()
    assert lines[0] == f"cyberimpact.toml: 4 settings, {installed.file}"
    assert len(lines) == 8


def test_units_name_the_installation_and_no_checkout(installed: Installation, tmp_path: Path) -> None:
    installed("systemd", tmp_path)
    text = (tmp_path / "cyberimpact-web.service").read_text()
    assert f"Environment=CYBERIMPACT_CONFIG={installed.file}\n" in text
    assert f"ReadWritePaths={installed.data}\n" in text
    assert str(settings.CHECKOUT) not in text


@pytest.fixture(scope="module")
def loaded(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the load of a platform says."""
    folder = tmp_path_factory.mktemp("drop")
    deliver(folder, (file for file in dropped_files(17, date(2026, 11, 20)) if file[0] == "perceval"))
    (file,) = (folder / "perceval").iterdir()
    return installed("load", "perceval", "--file", file)


def test_a_platform_is_loaded(installed: Installation, loaded: str) -> None:
    assert "0 quarantined" in loaded
    assert installed.data.joinpath("warehouse.duckdb").stat().st_size > 1_000_000
    files = [path for path in installed.data.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in files if path.stat().st_mode & 0o077]


@pytest.mark.proof
@pytest.mark.usefixtures("loaded")
def test_it_is_built_and_published(installed: Installation) -> None:
    installed("build")
    installed("publish", "--daily")
    assert "perceval" in installed("kpi", "list", "--json")
