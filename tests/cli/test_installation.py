"""An installation outside a checkout: what `init` makes, what `config check` finds, which setting wins."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from cli import installation
from cli.configuration import GENERATED, SECRETS, Configuration, Files
from cli.supervisor import BIN
from core import installation as files
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, UMASK
from ingestion.engine import remote_folders
from ingestion.platforms import PLATFORMS

#: Set by the platform for its own processes, or of the demonstration and of clusters on one machine only.
OWN = {
    *("CYBERIMPACT_CONFIG", "CYBERIMPACT_DBT_SOCKET", "CYBERIMPACT_LAKE", "CYBERIMPACT_LIVE", "CYBERIMPACT_NAMESPACE"),
    *("CYBERIMPACT_WAREHOUSE", "CYBERIMPACT_MAILBOX_PORT", "CYBERIMPACT_SANDBOX_PORT", "CYBERIMPACT_SPARK_PORT"),
    *("CYBERIMPACT_SPARK_MASTER_PORT", "CYBERIMPACT_SPARK_MASTER_UI_PORT", "CYBERIMPACT_SPARK_UI_PORT"),
    *("CYBERIMPACT_API_PORT", "CYBERIMPACT_API_URL"),  # former names
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new installation, which this process runs."""
    former = os.umask(UMASK)
    installation.make(tmp_path)
    os.umask(former)
    file = tmp_path / "config" / installation.FILE
    for name in GENERATED:
        monkeypatch.delenv(name, raising=False)
    # A process reads the files once, and this one has.
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(file.with_name("subscriptions.yml")))
    monkeypatch.setenv("CYBERIMPACT_SUPERSET_USERS", str(file.with_name("users.yml")))
    monkeypatch.setenv(files.SETTING, str(file))
    return file


def failures() -> list[str]:
    return [str(found) for found in installation.check() if isinstance(found, ExpectedFailure)]


def asked(*names: str, **environment: str) -> list[str]:
    """Return the settings that a fresh process has."""
    code = "import sys; from core import settings; print(*map(settings.get, sys.argv[1:]), sep='\\n')"
    command = [sys.executable, "-c", code, *names]
    base = {"PATH": os.environ["PATH"], files.SETTING: os.environ.get(files.SETTING, "")}
    done = subprocess.run(command, env=base | environment, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_init_makes_is_sound_and_closed_to_others(made: Path) -> None:
    assert failures() == []
    root = made.parent.parent
    assert {path.name for path in root.iterdir()} == {"config", "secrets", "data"}
    assert not [path for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    secrets = [(root / "secrets" / name).read_text() for name in GENERATED]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) > 40


def test_a_second_init_adds_what_is_missing_and_changes_nothing(made: Path) -> None:
    root = made.parent.parent
    made.write_text(f'home = "{root / "data"}"\nsecrets = "{root / "secrets"}"\n')
    (made.parent / "since.yml").unlink()
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert installation.make(root) == [made.parent / "since.yml"]
    assert before.items() <= {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}.items()


def test_init_may_be_asked_for_with_the_file_already_named(tmp_path: Path) -> None:
    file = tmp_path / "config" / installation.FILE
    variables = {"PATH": os.environ["PATH"], files.SETTING: str(file)}
    subprocess.run([BIN / "cyberimpact", "init", tmp_path], env=variables, check=True, capture_output=True)
    assert asked("CYBERIMPACT_HOME", **variables) == [str(tmp_path / "data")]


def test_the_environment_wins_over_a_credential_that_over_a_secret_that_over_the_file(made: Path) -> None:
    text = made.read_text().replace("[jdma]", '[jdma]\nurl = "https://of.the.file"')
    made.write_text(text.replace("[partoo]", '[partoo]\nmetrics = ["a", "b"]'))
    folder = made.parent.parent
    (folder / "secrets" / "CYBERIMPACT_MATRIX_TOKEN").touch(0o600)
    (folder / "secrets" / "CYBERIMPACT_MATRIX_TOKEN").write_text("of the folder\n")
    (folder / "credentials").mkdir()
    names = ("CYBERIMPACT_JDMA_URL", "CYBERIMPACT_PARTOO_METRICS", "CYBERIMPACT_MATRIX_TOKEN", "CYBERIMPACT_HOME")
    here = ["https://of.the.file", "a,b", "of the folder", str(folder / "data")]
    assert asked(*names) == here
    (folder / "credentials" / "CYBERIMPACT_MATRIX_TOKEN").write_text("of systemd")
    given = {"CREDENTIALS_DIRECTORY": str(folder / "credentials")}
    assert asked(*names, **given) == [*here[:2], "of systemd", here[3]]
    environment = dict.fromkeys(names, "/of/the/environment")
    assert asked(*names, **given, **environment) == ["/of/the/environment"] * 4


def test_true_is_one_and_false_is_nothing(made: Path) -> None:
    text = made.read_text()
    made.write_text(text.replace("#https = true", "https = true"))
    assert asked("CYBERIMPACT_SUPERSET_HTTPS") == ["1"]
    made.write_text(text.replace("#https = true", "https = false"))
    assert asked("CYBERIMPACT_SUPERSET_HTTPS") == ["None"]


@pytest.mark.parametrize(
    ("given", "line", "said"),
    [
        ('[smtp]\nhots = "a.example"', 4, "there is no setting smtp.hots. Did you mean smtp.host?"),
        ('[smpt]\nhost = "a.example"', 3, "there is no setting smpt. Did you mean smtp?"),
        ('smtp.port = "25"', 3, "smtp.port: input should be a valid integer"),
        ("[web]\nport = 70000", 4, "web.port: input should be less than or equal to 65535"),
        ('[superset]\n\nhttps = "yes"', 5, "superset.https: input should be a valid boolean"),
        ('[jdma]\nurl = "jdma.example"', 4, "jdma.url: string should match pattern"),
        (
            '[jdma]\napi_keys = "k"',
            4,
            "jdma.api_keys is a secret. Write it to a file CYBERIMPACT_JDMA_API_KEYS of mode",
        ),
        ('[dagster]\ndatabase = "postgresql://a:hidden@b/c"', 4, "dagster.database: a password does not belong here"),
        ('subscriptions = "/nowhere/s.yml"', 3, "subscriptions: there is no such file"),
        ('engine = "sqlite"', 3, "engine: input should be 'duckdb' or 'spark'"),
        ("[mail]\ndomains = 3", 4, "mail.domains: input should be a valid list"),
        (
            '[web]\nurl = "https://a.example"\n[dagster]\nurl = "https://b.example:8445"',
            6,
            "dagster.url has another host name than web.url: whoever logs in",
        ),
        ('[mail]\ndomains = [\n  "a.fr",\n  3,\n]', 4, "mail.domains.1: input should be a valid string"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(made: Path, given: str, line: int, said: str) -> None:
    folder = made.parent.parent
    made.write_text(f'home = "{folder / "data"}"\nsecrets = "{folder / "secrets"}"\n{given}\n')
    (failure,) = failures()
    assert failure.startswith(f"{made}, line {line}: {said}")
    assert "hidden" not in failure


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'home = "a"\nsecrets = \n', "line 2: it is not TOML"),
        (b'home = "a"\n\nhome = "b"\n', "line 3: it is not TOML"),
        (b'home = "a"\n[web\n', "line 2: it is not TOML"),
        (b'home = "a"\nsecrets = "\xe9"\n', "line 2: it is not UTF-8"),
    ],
)
def test_a_file_that_is_none_is_named_with_its_line(made: Path, content: bytes, said: str) -> None:
    made.write_bytes(content)
    (failure,) = failures()
    assert failure.startswith(f"{made}, {said}")


def test_home_and_secrets_must_be_there_and_apart(made: Path) -> None:
    made.write_text('home = "/srv/a"\n')
    assert failures() == [f"{made}, line 1: secrets is absent. Add it."]
    folder = made.parent.parent
    made.write_text(f'home = "{folder}"\n\nsecrets = "{folder / "secrets"}"\n')
    (failure,) = failures()
    assert failure.startswith(f"{made}, line 3: the secrets lie among the data.")


def test_a_secret_that_is_lost_open_or_misspelt_is_named(made: Path) -> None:
    folder = made.parent.parent / "secrets"
    lost = folder / "CYBERIMPACT_PSEUDONYM_KEY"
    misspelt = lost.rename(folder / "CYBERIMPACT_PSEUDONYM_KEYS")
    first, second = failures()
    assert first.startswith("The secret CYBERIMPACT_PSEUDONYM_KEY is absent: it makes pseudonyms. Lost: ")
    assert second == f"There is no secret {misspelt.name}. Rename {misspelt} to {lost.name}."
    misspelt.rename(lost).chmod(0o640)
    assert failures() == [f"Other accounts may read the secret {lost}. Run `chmod 600 {lost}`."]
    with pytest.raises(ExpectedFailure, match="chmod 600"):
        files.read(made)


def test_an_installation_that_is_not_there_is_named(made: Path) -> None:
    made.unlink()
    (failure,) = failures()
    assert failure.startswith(f"{made} cannot be read: No such file or directory.")


def test_its_other_files_are_read_too(made: Path) -> None:
    (made.parent / "sites.yml").write_text("sites: [\n")
    (made.parent / "subscriptions.yml").write_text("subscriptions:\n- {recipient: a}\n")
    (made.parent / "users.yml").write_text("users:\n  a.b:\n    password: x\n")
    assert [failure.partition(":")[0] for failure in failures()] == [
        "Configuration, file sites.yml, line 2",
        "Subscriptions, file subscriptions.yml, entry 1",
        "users.yml",
    ]


def declared() -> set[str]:
    return {files.setting(*keys) for keys in installation.declared_keys(Configuration)} | SECRETS.keys()


def test_every_setting_that_code_reads_is_declared() -> None:
    """A setting that code reads and nobody may write would be refused as a slip."""
    example = set(re.findall(r"^#?(CYBERIMPACT_\w+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    packages = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")} - {"tests", "sandbox"} | {"superset"}
    code = [path.read_text() for folder in packages for path in (CHECKOUT / folder).rglob("*.py")]
    read = {name for text in code for name in re.findall(r'"((?:CYBERIMPACT|SUPERSET_[AS])[A-Z_]+)"', text)}
    prefixes = {"CYBERIMPACT_OFFICIAL_ALERTS", "SUPERSET_ADMIN_USERNAME"}
    assert (read | example) - declared() - OWN - prefixes == set()


def test_the_folder_of_each_platform_of_files_is_declared() -> None:
    parts = ("", "_USER", "_SECRET", "_AFTERWARDS", "_ENDPOINT", "_KEY_FILE", "_KNOWN_HOSTS")
    folders = {remote_folders.setting(each, part) for each in PLATFORMS if each.drops for part in parts}
    assert {name for name in declared() if "_DROP" in name} == folders
    assert get_args(Files.model_fields["drop_afterwards"].annotation) == remote_folders.AFTERWARDS


def test_sections_of_platforms_bear_their_names() -> None:
    tables = {
        name for name, field in Configuration.model_fields.items() if "Platform:" in str(field.annotation.__doc__)
    }
    assert tables <= {platform.name for platform in PLATFORMS}


def test_the_schema_for_editors_accepts_what_the_check_accepts(made: Path) -> None:
    schema = json.loads(installation.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(files.values(made), schema)
    with pytest.raises(jsonschema.ValidationError, match="hots"):
        jsonschema.validate(files.values(made) | {"smtp": {"hots": "a"}}, schema)


def test_every_example_of_the_file_is_right(made: Path) -> None:
    """Examples name files that are not here: nothing else may be wrong with them."""
    text = re.sub(r"^#(\w+ = )", r"\1", made.read_text(), flags=re.MULTILINE)
    made.write_text(text)
    assert [failure for failure in failures() if "there is no such file" not in failure] == []
