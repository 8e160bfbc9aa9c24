"""The platform in containers: images made here of Debian's packages, started by compose, seen through the proxy."""

import json
import os
import re
import resource
import shlex
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from core import settings
from sandbox.app import dropped_files
from sandbox.drops import deliver
from tests.superset.form import log_in
from tests.web.browsing import CHROMIUM, FLAGS

pytestmark = pytest.mark.proof

NEEDED = ("buildah", "podman", "podman-compose", "catatonit", "mmdebstrap", "runc", "nft", "openssl")
BASE, SUITE = "localhost/cyberimpact-base", "bookworm"  # Superset needs its Python 3.11
IMAGES = {name: f"localhost/cyberimpact-{name}" for name in ("proxy", "database", "platform")}
#: In megabytes; a development tool or a cache that slips in shows here.
LARGEST = {"proxy": 230, "database": 500, "platform": 2700}
ACCOUNT = 10001
HOST = "cyberimpact.test"
PAGES, SUPERSET, DAGSTER = f"https://{HOST}", f"https://{HOST}:8444", f"https://{HOST}:8445"
SERVICES = ("superset", "web", "dagster-code", "dagster-webserver", "dagster-daemon", "watch")
#: How the packages are reached; the index of a ministry may be among them.
PACKAGES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
AUTHORITIES = "/run/secrets/authorities"
AUTHORITY = "/srv/cyberimpact/config/authorities.pem"
START_SECONDS = 240
#: Of the pages; and how many requests of one address the proxy takes at a time.
THREADS, PLACES = 24, 100


def run(*command: object, status: int = 0, **variables: str) -> str:
    """Run a command, which must end with a status, and return what it prints."""
    environment = os.environ | {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"} | variables
    words = [str(word) for word in command]
    done = subprocess.run(
        words, env=environment, cwd=settings.CHECKOUT / "deploy", capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"{words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing or os.geteuid():
        pytest.skip(f"containers are built by root, with Debian's {', '.join(missing or NEEDED)}")
    asked = subprocess.run(["podman", "container", "exists", "cyberimpact-host"], capture_output=True, check=False)
    if asked.returncode == 0:
        pytest.skip("the platform runs in containers here")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The images, of the last commit, on a Debian made for them."""
    folder = tmp_path_factory.mktemp("images")
    base, packages = folder / "base.tar", folder / "packages"
    run("mmdebstrap", "--variant=minbase", SUITE, base, "http://deb.debian.org/debian")
    run("podman", "import", base, BASE)
    base.unlink()
    known = {name: os.environ[name] for name in PACKAGES if name in os.environ}
    known |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE"), AUTHORITIES)
    packages.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in known.items()))
    authorities = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    limits = [
        f"--ulimit={name}={resource.getrlimit(limit)[1]}"
        for name, limit in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
    ]
    flags = [
        *("--network=host", "--runtime=runc", f"--build-arg=BASE={BASE}", *limits),
        *(f"--secret=id=packages,src={packages}", f"--secret=id=authorities,src={authorities}"),
    ]
    run("make", "-C", settings.CHECKOUT, "image", f"IMAGE_FLAGS={shlex.join(flags)}")
    yield IMAGES
    run("podman", "rmi", "--force", *IMAGES.values(), BASE)


@pytest.fixture(scope="module")
def folder(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation, as docs/installation.md has it."""
    root = tmp_path_factory.mktemp("srv") / "cyberimpact"
    for made in (root, *(root / name for name in ("tls", "database", "database/socket", "backups"))):
        run("install", "--directory", "--mode=700", f"--owner={ACCOUNT}", f"--group={ACCOUNT}", made)
    certify(root)
    volume = f"--volume={root}:/srv/cyberimpact"
    run("podman", "run", "--rm", "--network=none", volume, images["platform"], "init", "/srv/cyberimpact")
    file = root / "config" / "cyberimpact.toml"
    text = file.read_text()
    for table, line in (
        ("web", f'url = "{PAGES}"'),
        ("superset", f'url = "{SUPERSET}"'),
        ("superset", "https = true"),
        ("dagster", f'url = "{DAGSTER}"'),
    ):
        example = rf"(?ms)(^\[{table}\]$(?:(?!^\[).)*?)^#{line.split(' = ')[0]} = .*?$"
        text, found = re.subn(example, rf"\g<1>{line}", text, count=1)
        assert found
    file.write_text(text)
    shutil.copyfile(root / "tls" / "tls.crt", root / "config" / Path(AUTHORITY).name)
    return root


def certify(root: Path) -> None:
    """Give the proxy a certificate, as docs/installation.md has it."""
    made = root.with_name("made")
    made.mkdir(exist_ok=True)
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "60", "-subj", f"/CN={HOST}"),
        *("-addext", f"subjectAltName=DNS:{HOST}", "-keyout", made / "tls.key", "-out", made / "tls.crt"),
    )
    for name in ("tls.key", "tls.crt"):
        run("install", "--mode=600", f"--owner={ACCOUNT}", f"--group={ACCOUNT}", made / name, root / "tls" / name)


class Platform:
    """The platform that compose has started.

    Attributes:
        folder: Where it is installed.
        tls: Accepts its certificate.
        seconds: How long it took from `up` until everything answered.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls = ssl.create_default_context(cafile=str(folder / "tls" / "tls.crt"))
        self.seconds = 0.0

    def compose(self, *arguments: str) -> None:
        given = {"FOLDER": self.folder, "HOST": HOST, "BIND": "127.0.0.1", "AUTHORITIES": AUTHORITY}
        given |= {"ANSWERING_MEMORY": "4g", "BUILDING_MEMORY": "6g"}
        run("podman-compose", *arguments, **{f"CYBERIMPACT_{name}": str(value) for name, value in given.items()})

    def up(self, *services: str) -> None:
        self.compose("--podman-run-args=--health-on-failure=restart", "up", "--detach", *services)

    def get(self, url: str, **headers: str) -> int:
        """Return with which status an address answers; its certificate is verified."""
        here = url.replace(HOST, "127.0.0.1")
        with httpx.Client(verify=self.tls, headers={"Host": url.split("/")[2], **headers}, timeout=30) as client:
            return client.get(here, extensions={"sni_hostname": HOST}).status_code

    def wait(self) -> None:
        began = time.monotonic()
        wanted = {f"{PAGES}/healthz": HTTPStatus.OK, f"{SUPERSET}/health": HTTPStatus.OK}
        wanted[DAGSTER] = HTTPStatus.UNAUTHORIZED
        while any(self._status(url) != status for url, status in wanted.items()):
            assert time.monotonic() - began < START_SECONDS, run("podman", "ps", "--all")
            time.sleep(1)
        self.seconds = time.monotonic() - began

    def _status(self, url: str) -> int | None:
        try:
            return self.get(url)
        except httpx.HTTPError:
            return None

    def run(self, service: str, *command: str, status: int = 0) -> str:
        return run("podman", "exec", f"cyberimpact_{service}_1", *command, status=status)

    def give(self, file: Path) -> str:
        """Put a file among the data, and return its path there."""
        given = self.folder / "data" / file.name
        run("install", "--mode=600", f"--owner={ACCOUNT}", f"--group={ACCOUNT}", file, given)
        return f"/srv/cyberimpact/data/{file.name}"

    @property
    def password(self) -> str:
        return (self.folder / "secrets" / "SUPERSET_ADMIN_PASSWORD").read_text().strip()


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Platform]:
    started = Platform(folder)
    try:
        started.up("database")
        started.compose("--profile", "prepare", "run", "-T", "--rm", "--no-deps", "prepare")
        started.up()
        started.wait()
        yield started
    finally:
        started.compose("down", "--timeout", "20")


def test_images_hold_what_runs_and_no_more(images: dict[str, str]) -> None:
    for name, image in images.items():
        (described,) = json.loads(run("podman", "image", "inspect", image))
        megabytes = described["Size"] / 1e6
        print(f"{image}: {megabytes:.0f} MB")
        assert megabytes < LARGEST[name]
        assert described["Config"]["User"] == "cyberimpact"
        script = f"for tool in gcc make git uv pip; do command -v $tool; done; ls {AUTHORITIES} 2>/dev/null; true"
        assert run("podman", "run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", script) == ""
        layers = run("podman", "history", "--no-trunc", image)
        assert not [os.environ[name] for name in PACKAGES if os.environ.get(name, "\0") in layers]
        assert "libc6" in (settings.CHECKOUT / "sbom" / f"{name}.debian.txt").read_text()


def test_everything_answers_over_https(platform: Platform) -> None:
    print(f"up after {platform.seconds:.0f} s")
    assert platform.get(f"{PAGES}/readyz") == HTTPStatus.SERVICE_UNAVAILABLE  # nothing is published
    for service in ("proxy", "database", "superset", "web", "dagster-webserver"):
        run("podman", "healthcheck", "run", f"cyberimpact_{service}_1")


@pytest.mark.usefixtures("platform")
def test_every_container_is_started_again_when_it_hangs() -> None:
    running = run("podman", "ps", "--filter", "name=cyberimpact", "--format", "{{.Names}}").split()
    assert len(running) == 9
    action = "{{.Config.HealthcheckOnFailureAction}} {{.HostConfig.RestartPolicy.Name}}"
    assert set(run("podman", "inspect", "--format", action, *running).splitlines()) == {"restart always"}


@pytest.mark.parametrize("address", [PAGES, SUPERSET, DAGSTER])
def test_another_host_name_is_refused(platform: Platform, address: str) -> None:
    assert platform.get(address, Host="evil.example") == HTTPStatus.BAD_REQUEST


def test_processes_may_change_the_data_and_nothing_else(platform: Platform) -> None:
    for service in ("proxy", "database", *SERVICES):
        assert platform.run(service, "id", "--user").strip() == str(ACCOUNT)
        platform.run(service, "touch", "/usr/local/x", status=1)
        limits = platform.run(service, "cat", "/proc/self/status")
        assert re.search(r"^CapEff:\t0+$", limits, re.MULTILINE)
        assert "NoNewPrivs:\t1" in limits
    for kept in ("config", "secrets"):
        platform.run("web", "touch", f"/srv/cyberimpact/{kept}/x", status=1)
    for place in ("/srv/cyberimpact", "/proc/[0-9]*/root/srv/cyberimpact"):
        assert "No such file" in platform.run("proxy", "sh", "-c", f"! ls -d {place} 2>&1")
    assert "/srv/cyberimpact" in platform.run("web", "sh", "-c", "ls -d /proc/[0-9]*/root/srv/cyberimpact")
    for database in ("operations", "dagster", "superset"):
        asking = ("psql", f"postgresql:///{database}?host=/run/postgresql", "--no-align", "--tuples-only", "--command")
        who = platform.run("web", *asking, "select current_user, rolsuper from pg_roles where rolname = current_user")
        assert who == "cyberimpact|f\n"


def test_only_the_proxy_can_be_reached(platform: Platform) -> None:
    tables = platform.run("proxy", "cat", "/proc/net/tcp", "/proc/net/tcp6")
    table = [line.split() for line in tables.splitlines()]
    listening: dict[str, set[int]] = {}
    for _, local, _, state, *_ in table:
        if state == "0A":
            address, port = local.split(":")
            listening.setdefault(address, set()).add(int(port, 16))
    assert listening.keys() == {"00000000", "0100007F"}
    assert listening["00000000"] == {443, 8444, 8445}
    assert listening["0100007F"] >= {8088, 8091, 3000}
    published = json.loads(run("podman", "inspect", "cyberimpact-host"))[0]["NetworkSettings"]["Ports"]
    assert set(published) == {"443/tcp", "8444/tcp", "8445/tcp"}


def test_who_sends_slowly_keeps_nobody_waiting_and_no_address_has_all_places(platform: Platform) -> None:
    cookie = "a" * 32  # the pages read a form whose cookie may be right
    begun = (
        f"POST /veille/x HTTP/1.1\r\nHost: {HOST}\r\nOrigin: {PAGES}\r\nCookie: cyberimpact_csrf={cookie}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ncsrf"
    )
    with ExitStack() as stack:

        def begin(number: int) -> None:
            for _ in range(number):
                plain = stack.enter_context(socket.create_connection(("127.0.0.1", 443), timeout=30))
                stack.enter_context(platform.tls.wrap_socket(plain, server_hostname=HOST)).sendall(begun.encode())

        begin(THREADS + 16)
        began = time.monotonic()
        assert platform.get(f"{PAGES}/healthz") == HTTPStatus.OK
        assert time.monotonic() - began < 10
        begin(PLACES - THREADS - 16)
        assert platform.get(f"{PAGES}/healthz") == HTTPStatus.TOO_MANY_REQUESTS
    assert platform.get(f"{PAGES}/healthz") == HTTPStatus.OK


def test_the_monitor_of_runs_sees_the_processes_of_all(platform: Platform) -> None:
    seen = platform.run("dagster-code", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "-m web" in seen
    assert "watch" in seen


def test_a_person_logs_in_and_sees_a_page(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, (file for file in dropped_files(17, date(2026, 11, 20)) if file[0] == "perceval"))
    (file,) = (tmp_path / "perceval").iterdir()
    command = ("dagster-daemon", "cyberimpact")
    assert "0 quarantined" in platform.run(*command, "load", "perceval", "--file", platform.give(file))
    platform.run(*command, "build")
    platform.run(*command, "publish", "--daily")
    platform.run(*command, "superset", "apply")
    assert platform.get(f"{PAGES}/readyz") == HTTPStatus.OK
    for service in ("dagster-code", "dagster-daemon", "watch"):
        run("podman", "healthcheck", "run", f"cyberimpact_{service}_1")
    platform.run("dagster-daemon", "cyberimpact", "doctor")
    flags = [*FLAGS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_context(locale="fr-FR", ignore_https_errors=True).new_page()
        page.set_default_timeout(60_000)
        page.goto(PAGES)
        page.wait_for_url(f"{SUPERSET}/login/**")
        log_in(page, "admin", platform.password)
        page.wait_for_url(f"{PAGES}/**")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")
        page.goto(f"{SUPERSET}/superset/dashboard/vue-densemble/")
        expect(page).to_have_title(re.compile("Vue d"), timeout=60_000)
        page.goto(DAGSTER)
        expect(page.get_by_role("link", name="Runs")).to_be_visible(timeout=60_000)
        browser.close()


def test_a_new_certificate_is_served_once_the_proxy_is_signalled(platform: Platform) -> None:
    former = ssl.get_server_certificate(("127.0.0.1", 443))
    certify(platform.folder)
    run("podman", "kill", "--signal", "HUP", "cyberimpact_proxy_1")
    wanted = (platform.folder / "tls" / "tls.crt").read_text()
    deadline = time.monotonic() + 30
    while (served := ssl.get_server_certificate(("127.0.0.1", 443))) == former:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert served.split() == wanted.split()


def test_a_database_can_be_put_back_as_a_restoration_does(platform: Platform) -> None:
    steps = (
        "pg_dump --format=custom --file=/tmp/saved.dump superset",
        "createdb anew",
        "pg_restore --dbname=anew /tmp/saved.dump",
        "psql --no-align --tuples-only --dbname=anew --command='select count(*) > 0 from ab_user'",
        "dropdb anew",
    )
    assert platform.run("web", "sh", "-c", " && ".join(steps)) == "t\n"


def test_the_database_ends_by_itself_while_others_ask_it(platform: Platform) -> None:  # noqa: ARG001 - which asks it
    run("podman", "stop", "--time", "30", "cyberimpact_database_1")
    assert run("podman", "inspect", "--format", "{{.State.ExitCode}}", "cyberimpact_database_1").strip() == "0"
