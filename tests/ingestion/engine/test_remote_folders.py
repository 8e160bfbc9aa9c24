"""Drop folders elsewhere: files of real servers are fetched once, and the others are reported."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import fsspec
import pytest

from core import settings
from core.errors import ExpectedFailure, TransientFailure
from core.settings import Home
from ingestion.engine import remote_folders
from ingestion.engine.loading import load
from ingestion.platforms import platform
from tests import file_servers
from tests.ports import free_port
from warehouse import backups

pytestmark = pytest.mark.usefixtures("home")
PLATFORM = "pre_plainte"
CHOSEN = platform(PLATFORM)
S3_ACCOUNT = {"_USER": "essai", "_SECRET": "essai-secret"}


@dataclass
class Elsewhere:
    """A folder elsewhere, and the hands of its owner on it."""

    address: str
    files: fsspec.AbstractFileSystem
    path: str
    settings: Mapping[str, str]

    def put(self, name: str, content: bytes) -> None:
        self.files.pipe_file(f"{self.path}/{name}", content)

    def names(self, below: str = "") -> list[str]:
        found = self.files.find(self.path + below)
        return sorted(each.removeprefix(f"{self.path}/") for each in found)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with file_servers.s3() as address:
        yield address


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[file_servers.Sftp]:
    with file_servers.sftp(tmp_path_factory.mktemp("sshd")) as served:
        yield served


def _s3(request: pytest.FixtureRequest) -> Elsewhere:
    endpoint = request.getfixturevalue("s3_server")
    files = fsspec.filesystem(
        "s3",
        key="essai",
        secret="essai-secret",
        endpoint_url=endpoint,
        use_listings_cache=False,
    )
    bucket = hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    files.mkdir(bucket)
    return Elsewhere(f"s3://{bucket}/out", files, f"{bucket}/out", {**S3_ACCOUNT, "_ENDPOINT": endpoint})


def _folder(request: pytest.FixtureRequest) -> tuple[Path, fsspec.AbstractFileSystem]:
    folder = request.getfixturevalue("tmp_path") / "out"
    folder.mkdir()
    return folder, fsspec.filesystem("file")


def _sftp(request: pytest.FixtureRequest) -> Elsewhere:
    served: file_servers.Sftp = request.getfixturevalue("sftp_server")
    folder, files = _folder(request)
    keys = {"_KEY_FILE": str(served.key_file), "_KNOWN_HOSTS": str(served.known_hosts)}
    return Elsewhere(served.address(folder), files, str(folder), keys)


def _share(request: pytest.FixtureRequest) -> Elsewhere:
    folder, files = _folder(request)
    return Elsewhere(str(folder), files, str(folder), {})


KINDS: Mapping[str, Callable[[pytest.FixtureRequest], Elsewhere]] = {"s3": _s3, "sftp": _sftp, "share": _share}


@pytest.fixture(params=KINDS)
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    return _made(request, request.param, monkeypatch)


def _made(request: pytest.FixtureRequest, kind: str, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    made = KINDS[kind](request)
    monkeypatch.setattr(remote_folders, "PAUSE_SECONDS", 0.0)
    for part, value in {"": made.address, **made.settings}.items():
        monkeypatch.setenv(remote_folders.setting(CHOSEN, part), value)
    return made


def fetch() -> list[str]:
    return [str(outcome) for outcome in remote_folders.fetch(CHOSEN)]


def dropped(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home.drop / PLATFORM).iterdir()}


def afterwards(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv(remote_folders.setting(CHOSEN, "_AFTERWARDS"), what)


def test_a_file_is_fetched_once(elsewhere: Elsewhere, home: Home) -> None:
    elsewhere.put("logs_2025.csv", b"a;b\n1;2\n")
    [said] = fetch()
    sha256 = hashlib.sha256(b"a;b\n1;2\n").hexdigest()
    assert said.endswith(f"logs_2025.csv is in the drop folder, 8 bytes, SHA-256 {sha256}.")
    assert dropped(home) == {"logs_2025.csv": b"a;b\n1;2\n"}
    (home.drop / PLATFORM / "logs_2025.csv").unlink()  # as its load does
    assert fetch() == []
    assert elsewhere.names() == ["logs_2025.csv"], "kept at its place"
    register = home.fetched / f"{PLATFORM}.jsonl"
    assert [str(register.relative_to(home.root))] == [name for name in backups.saved(home) if "fetched" in name]


def test_a_file_is_fetched_once_it_rests(elsewhere: Elsewhere, home: Home) -> None:
    elsewhere.put("a.csv", b"half")
    before = {file.mark for file in remote_folders.look(CHOSEN).pending}
    elsewhere.put("a.csv", b"half, and the other half")
    elsewhere.put("b.csv", b"new")
    assert list(remote_folders.fetch(CHOSEN, before)) == []
    assert dropped(home) == {}
    now = {file.mark for file in remote_folders.look(CHOSEN).pending}
    assert len(now) == 2
    assert not now & before
    assert len(list(remote_folders.fetch(CHOSEN, now))) == 2
    assert dropped(home) == {"a.csv": b"half, and the other half", "b.csv": b"new"}


def test_a_fetched_file_is_moved(elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    afterwards(monkeypatch, "move")
    elsewhere.put("[a]*.csv", b"1")
    assert fetch()[0].endswith("; moved to done/ there.")
    assert elsewhere.names() == ["done/[a]*.csv"]
    (home.drop / PLATFORM / "[a]*.csv").unlink()
    elsewhere.put("[a]*.csv", b"2")
    fetch()
    sha256 = hashlib.sha256(b"2").hexdigest()
    assert {*elsewhere.names()} == {"done/[a]*.csv", f"done/{sha256[:12]}-[a]*.csv"}, "none takes the place of another"
    assert dropped(home) == {"[a]*.csv": b"2"}


def test_a_fetched_file_is_deleted(elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere.put("a.csv", b"1")
    elsewhere.put("b.csv", b"2")
    fetch()
    afterwards(monkeypatch, "delete")
    assert fetch() == [], "they wait for their load"
    for path in (home.drop / PLATFORM).iterdir():
        path.unlink()
    assert all(said.endswith("it is not loaded again; deleted there.") for said in fetch())
    assert elsewhere.names() == []
    assert dropped(home) == {}


def test_what_looks_like_a_fetched_file_is_read_before_it_is_deleted(
    elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of SFTP a listing tells name, size and seconds: all may be those of a file that was fetched."""
    afterwards(monkeypatch, "delete")
    for content in (b"1", b"2"):
        elsewhere.put("a.csv", content)
        if not elsewhere.address.startswith("s3"):
            os.utime(f"{elsewhere.path}/a.csv", (0, 0))
        fetch()
        assert elsewhere.names() == []
        assert dropped(home) == {"a.csv": content}
        (home.drop / PLATFORM / "a.csv").unlink()


def test_the_same_content_under_another_name_is_not_loaded_again(elsewhere: Elsewhere, home: Home) -> None:
    elsewhere.put("a.csv", b"1")
    fetch()
    elsewhere.put("copy.csv", b"1")
    [said] = fetch()
    assert "copy.csv has the content of a file that was fetched before: it is not loaded again" in said
    assert fetch() == []
    assert dropped(home) == {"a.csv": b"1"}


def test_a_content_that_comes_back_is_news(elsewhere: Elsewhere, home: Home) -> None:
    """Of a table that is exported whole, under one name, what was right before may be right again."""
    for seconds, content in enumerate((b"1", b"22", b"1")):
        elsewhere.put("a.csv", content)
        if elsewhere.address.startswith("s3"):
            time.sleep(1)  # for its times tell seconds
        else:
            os.utime(f"{elsewhere.path}/a.csv", (seconds, seconds))
        fetch()
        assert dropped(home) == {"a.csv": content}
        (home.drop / PLATFORM / "a.csv").unlink()


def test_a_file_waits_for_the_load_of_the_former_one(elsewhere: Elsewhere, home: Home) -> None:
    elsewhere.put("a.csv", b"1")
    fetch()
    elsewhere.put("a.csv", b"22")
    assert fetch() == []
    assert dropped(home) == {"a.csv": b"1"}
    (home.drop / PLATFORM / "a.csv").unlink()
    fetch()
    assert dropped(home) == {"a.csv": b"22"}


def test_two_files_whose_names_are_the_same_without_personal_data_wait_for_each_other(
    elsewhere: Elsewhere, home: Home
) -> None:
    elsewhere.put("DUPONT_Jean_2025.csv", b"1")
    elsewhere.put("MARTIN_Paul_2025.csv", b"22")
    said = fetch()
    assert ["is in the drop folder" in line for line in said] == [True, False]
    assert "waits until the one of the same name in the drop folder is loaded" in said[1]
    assert not any("DUPONT" in line or "MARTIN" in line for line in said)
    assert "DUPONT" not in (home.fetched / f"{PLATFORM}.jsonl").read_text()
    [first] = dropped(home).values()
    (home.drop / PLATFORM / "[NOM]_2025.csv").unlink()
    fetch()
    [second] = dropped(home).values()
    assert {first, second} == {b"1", b"22"}


def test_unfit_names_are_refused_with_a_sentence(elsewhere: Elsewhere, home: Home) -> None:
    for name in ("a\tb.csv", "back\\slash.csv", f"{'x' * 201}.csv"):
        elsewhere.put(name, b"1")
    for name in (".hidden.csv", "writing.csv.part", "folder/inside.csv"):
        elsewhere.put(name, b"2") if "/" not in name else elsewhere.files.makedirs(f"{elsewhere.path}/folder")
    elsewhere.put("good.csv", b"3")
    said = fetch()
    assert sum("has a name that is no file's: it is not fetched." in line for line in said) == 2
    assert sum("has a name of more than 200 bytes: it is not fetched." in line for line in said) == 1
    assert len(said) == 4
    assert all("\t" not in line for line in said)
    assert dropped(home) == {"good.csv": b"3"}


def test_an_object_may_not_leave_the_drop_folder_by_its_name(
    request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(request, "s3", monkeypatch)
    bucket = made.path.partition("/")[0]
    for key in ("out/..", "out/../../../etc/passwd", "out//etc/passwd", "out/", "other/a.csv"):
        made.files.call_s3("put_object", Bucket=bucket, Key=key, Body=b"1")
    said = fetch()
    assert len(said) <= 1
    assert all("is not fetched" in line for line in said)
    assert dropped(home) == {}


@pytest.mark.parametrize("kind", ["sftp", "share"])
def test_links_and_pipes_are_not_read(
    kind: str, request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = _made(request, kind, monkeypatch)
    (tmp_path / "secret").write_text("secret")
    Path(made.path, "link.csv").symlink_to(tmp_path / "secret")
    os.mkfifo(Path(made.path, "pipe.csv"))  # who reads it waits for ever
    made.put("good.csv", b"1")
    refused = sorted(said.partition("out: ")[2] for said in fetch() if "not fetched" in said)
    assert refused == [
        "link.csv is a link or a device: it is not fetched.",
        "pipe.csv is a link or a device: it is not fetched.",
    ]
    assert dropped(home) == {"good.csv": b"1"}


@pytest.mark.parametrize("kind", ["sftp", "share"])
def test_a_name_that_is_not_utf_8_is_refused(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(request, kind, monkeypatch)
    Path(os.fsdecode(os.fsencode(made.path) + b"/\xff.csv")).write_text("1")
    if kind == "share":
        assert "\\udcff.csv has a name that is no file's: it is not fetched" in fetch()[0]
    else:
        with pytest.raises(ExpectedFailure, match="whose name is not UTF-8"):
            fetch()


def test_a_file_that_cannot_be_read_holds_up_no_other(
    elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        elsewhere.put(name, name.encode())
    now = remote_folders._Folder._now

    def fail(folder: remote_folders._Folder, file: remote_folders.File) -> remote_folders.File:
        if file.name == "a.csv":
            raise OSError(errno.EIO, "Input/output error")
        return now(folder, file)

    monkeypatch.setattr(remote_folders._Folder, "_now", fail)
    assert sum("a.csv: it can be neither read nor moved (Input/output error)" in said for said in fetch()) == 1
    assert dropped(home) == {"b.csv": b"b.csv"}


def test_a_file_that_vanishes_is_said_and_the_others_are_fetched(
    elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.put("a.csv", b"1")
    elsewhere.put("b.csv", b"2")
    listed = remote_folders._Folder.look

    def look_and_lose(folder: remote_folders._Folder) -> remote_folders.Look:
        found = listed(folder)
        if elsewhere.files.exists(f"{elsewhere.path}/a.csv") and (home.drop / PLATFORM).exists():
            elsewhere.files.rm_file(f"{elsewhere.path}/a.csv")
        return found

    monkeypatch.setattr(remote_folders._Folder, "look", look_and_lose)
    said = fetch()
    assert sum("a.csv is gone since it was listed" in line for line in said) == 1
    assert dropped(home) == {"b.csv": b"2"}


def test_a_file_that_changes_while_it_is_fetched_is_fetched_later(
    elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.put("a.csv", b"1")
    digest = remote_folders._Folder._now

    def change(folder: remote_folders._Folder, file: remote_folders.File) -> remote_folders.File:
        elsewhere.put("a.csv", b"22")
        return digest(folder, file)

    with monkeypatch.context() as patch:
        patch.setattr(remote_folders._Folder, "_now", change)
        assert "a.csv changed while it was fetched: it is fetched once it rests" in fetch()[0]
    assert dropped(home) == {}
    fetch()
    assert dropped(home) == {"a.csv": b"22"}


def test_another_file_in_the_place_of_a_fetched_one_is_not_deleted(
    elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    afterwards(monkeypatch, "delete")
    elsewhere.put("a.csv", b"1")
    after = remote_folders._Folder._after

    def replace_first(folder: remote_folders._Folder, file: remote_folders.File) -> str:
        elsewhere.put("a.csv", b"22")
        return after(folder, file)

    with monkeypatch.context() as patch:
        patch.setattr(remote_folders._Folder, "_after", replace_first)
        assert fetch()[0].endswith("; another has taken its place.")
    (home.drop / PLATFORM / "a.csv").unlink()
    fetch()
    assert dropped(home) == {"a.csv": b"22"}


def test_a_full_disk_is_said_before_anything_is_fetched(
    elsewhere: Elsewhere, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.put("a.csv", b"1")
    monkeypatch.setattr(remote_folders, "FREE_BYTES", 1 << 60)
    with pytest.raises(ExpectedFailure, match=r"a\.csv: the disk is full.*Free some space"):
        fetch()
    assert dropped(home) == {}
    monkeypatch.setattr(remote_folders, "FREE_BYTES", 0)
    fetch()
    assert dropped(home) == {"a.csv": b"1"}


def test_what_is_not_there_is_said(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "s3://nowhere-at-all/out" if elsewhere.address.startswith("s3") else f"{elsewhere.address}/nowhere"
    monkeypatch.setenv(remote_folders.setting(CHOSEN), nowhere)
    with pytest.raises(ExpectedFailure, match=r"There is no folder .*nowhere"):
        remote_folders.look(CHOSEN)


@pytest.mark.usefixtures("elsewhere")
def test_an_empty_folder_is_empty() -> None:
    assert remote_folders.look(CHOSEN) == remote_folders.Look([], [])


def test_a_right_that_was_taken_away_is_said_and_nothing_is_lost(
    request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(request, "s3", monkeypatch)
    afterwards(monkeypatch, "delete")
    made.put("a.csv", b"1")
    bucket = made.path.partition("/")[0]

    def deny(action: str) -> None:
        rule = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}
        made.files.call_s3("put_bucket_policy", Bucket=bucket, Policy=json.dumps({"Statement": [rule]}))

    deny("s3:GetObject")
    assert ["a.csv: the account may not read, move or delete it" in said for said in fetch()] == [True]
    assert dropped(home) == {}
    deny("s3:DeleteObject")
    assert ["a.csv: the account may not read, move or delete it" in said for said in fetch()] == [True]
    assert dropped(home) == {"a.csv": b"1"}
    made.files.call_s3("delete_bucket_policy", Bucket=bucket)
    (home.drop / PLATFORM / "a.csv").unlink()
    assert fetch()[0].endswith("it is not loaded again; deleted there.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_said(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _made(request, "sftp", monkeypatch)
    Path(made.path).chmod(0)
    with pytest.raises(ExpectedFailure, match="may not be read"):
        remote_folders.look(CHOSEN)


def test_a_server_with_another_host_key_gets_no_account(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = _made(request, "sftp", monkeypatch)
    known = tmp_path / "known_hosts"
    monkeypatch.setenv(remote_folders.setting(CHOSEN, "_KNOWN_HOSTS"), str(known))
    with pytest.raises(ExpectedFailure, match=r"is not in .*known_hosts: no account was sent"):
        remote_folders.look(CHOSEN)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    host, _, _ = Path(made.settings["_KNOWN_HOSTS"]).read_text().split()
    known.write_text(f"{host} {(tmp_path / 'other.pub').read_text()}")
    with pytest.raises(ExpectedFailure, match=r"shows another host key than .*known_hosts"):
        remote_folders.look(CHOSEN)


def test_a_refused_account_is_said(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _made(request, "sftp", monkeypatch)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    monkeypatch.setenv(remote_folders.setting(CHOSEN, "_KEY_FILE"), str(tmp_path / "other"))
    with pytest.raises(ExpectedFailure, match="refuses the account"):
        remote_folders.look(CHOSEN)


@pytest.mark.parametrize("scheme", ["s3", "sftp"])
def test_a_server_that_does_not_answer_may_answer_later(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    address = {"s3": "s3://bucket/out", "sftp": f"sftp://essai@127.0.0.1:{port}/out"}[scheme]
    for part, value in {"": address, **S3_ACCOUNT, "_ENDPOINT": f"http://127.0.0.1:{port}"}.items():
        monkeypatch.setenv(remote_folders.setting(CHOSEN, part), value)
    with pytest.raises(TransientFailure, match="cannot be reached"):
        remote_folders.look(CHOSEN)


@pytest.mark.parametrize(
    "address",
    [
        "out",
        "ftp://host/out",
        "sftp://host",
        "sftp://user:password@host/out",
        "s3:///out",
        "s3://b/o?x=1",
        "sftp://h:x/o",
    ],
)
def test_what_is_no_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_folders.setting(CHOSEN), address)
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_PRE_PLAINTE_DROP is no address of a folder") as refusal:
        remote_folders.look(CHOSEN)
    assert "password@" not in str(refusal.value)


def test_a_platform_without_files_has_no_folder_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_MA_SECURITE_DROP", "/out")
    assert [each.name for each in remote_folders.addressed()] == ["ma_securite"]
    with pytest.raises(ExpectedFailure, match="takes no files"):
        remote_folders.look(platform("ma_securite"))


def test_object_storage_elsewhere_is_reached_over_tls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_folders.setting(CHOSEN), "s3://bucket/out")
    monkeypatch.setenv(remote_folders.setting(CHOSEN, "_ENDPOINT"), "http://storage.example")
    with pytest.raises(ExpectedFailure, match="leads elsewhere without TLS"):
        remote_folders.look(CHOSEN)


def test_what_was_fetched_is_loaded_as_any_file_of_the_drop_folder(
    request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(request, "share", monkeypatch)
    header = (
        "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale"
    )
    rows = "1,2025-02-01 10:00:00,2025-02-01 10:05:00,33,1,0\n2,hier,,33,1,0\n"
    made.put("logs_2025.csv", f"{header}\n{rows}".encode())
    fetch()
    report = load(PLATFORM, file=home.drop / PLATFORM / "logs_2025.csv")
    assert (report.total("rows_new"), report.total("rows_quarantined")) == (1, 1)


FETCH = (
    "from ingestion.engine import remote_folders as r; from ingestion.platforms import platform as p;"
    " list(r.fetch(p('pre_plainte'), [f.mark for f in r.look(p('pre_plainte')).pending]))"
)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_a_fetch_that_is_killed_loses_and_doubles_nothing(
    kind: str, request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(request, kind, monkeypatch)
    afterwards(monkeypatch, "move")
    draw = Random(17)
    contents = {f"{number:03}.csv": draw.randbytes(200_000) for number in range(40)}
    for name, content in contents.items():
        made.put(name, content)
    kills, folder = 0, home.drop / PLATFORM
    while len(arrived := list(folder.glob("*.csv")) if folder.exists() else []) < len(contents):
        with subprocess.Popen([sys.executable, "-c", FETCH], cwd=settings.CHECKOUT) as process:
            while process.poll() is None and len(list(folder.glob("*.csv"))) < len(arrived) + 5:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.02))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
    assert kills >= 5
    assert dropped(home) == contents
    for _ in range(2):
        for path in folder.iterdir():
            path.unlink()  # as its load does
        fetch()
        again = dropped(home)  # what had arrived when its fetch was killed, and was not noted yet
        assert again.items() <= contents.items()
        assert len(again) <= kills
    assert again == {}
    assert made.names() == [f"done/{name}" for name in sorted(contents)]
    rows = [json.loads(line) for line in (home.fetched / f"{PLATFORM}.jsonl").read_text().splitlines() if line]
    assert {row["sha256"] for row in rows} == {hashlib.sha256(content).hexdigest() for content in contents.values()}
