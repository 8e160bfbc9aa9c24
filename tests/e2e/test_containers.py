"""The platform in containers: images made here of Debian's packages, started by compose, seen through the proxy."""

import json
import os
import re
import resource
import shlex
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from core import settings
from sandbox.app import dropped_files
from sandbox.drops import deliver
from tests.web.browsing import CHROMIUM, FLAGS
from tests.web.test_login import log_in

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
    for made in (root, root / "tls", root / "database", root / "database" / "socket"):
        run("install", "--directory", "--mode=700", f"--owner={ACCOUNT}", f"--group={ACCOUNT}", made)
    key, certificate = root / "tls" / "tls.key", root / "tls" / "tls.crt"
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"),
        *("-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", certificate),
    )
    for file in (key, certificate):
        file.chmod(0o600)
        os.chown(file, ACCOUNT, ACCOUNT)
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
    shutil.copyfile(certificate, root / "config" / Path(AUTHORITY).name)
    return root


class Platform:
    """The platform that compose has started.

    Attributes:
        seconds: How long it took from `up` until everything answered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tls = ssl.create_default_context(cafile=str(folder / "tls" / "tls.crt"))
        self.seconds = 0.0

    def compose(self, *arguments: str) -> None:
        given = {"FOLDER": self._folder, "HOST": HOST, "BIND": "127.0.0.1", "AUTHORITIES": AUTHORITY}
        run("podman-compose", *arguments, **{f"CYBERIMPACT_{name}": str(value) for name, value in given.items()})

    def get(self, url: str, **headers: str) -> int:
        """Return with which status an address answers; its certificate is verified."""
        here = url.replace(HOST, "127.0.0.1")
        with httpx.Client(verify=self._tls, headers={"Host": url.split("/")[2], **headers}, timeout=30) as client:
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
        given = self._folder / "data" / file.name
        shutil.copyfile(file, given)
        os.chown(given, ACCOUNT, ACCOUNT)
        return f"/srv/cyberimpact/data/{file.name}"

    @property
    def password(self) -> str:
        return (self._folder / "secrets" / "SUPERSET_ADMIN_PASSWORD").read_text().strip()


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Platform]:
    started = Platform(folder)
    try:
        started.compose("--profile", "prepare", "run", "-T", "--rm", "prepare")
        started.compose("up", "--detach")
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
    for service in ("proxy", "database", "superset", "dagster-webserver"):
        run("podman", "healthcheck", "run", f"cyberimpact_{service}_1")
    run("podman", "healthcheck", "run", "cyberimpact_web_1", status=1)


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
    platform.run("proxy", "ls", "/srv/cyberimpact", status=2)


def test_only_the_proxy_can_be_reached(platform: Platform) -> None:
    table = [line.split() for line in platform.run("proxy", "cat", "/proc/net/tcp").splitlines()[1:]]
    listening: dict[str, set[int]] = {}
    for _, local, _, state, *_ in table:
        if state == "0A":
            address, port = local.split(":")
            listening.setdefault(address, set()).add(int(port, 16))
    assert listening.keys() == {"00000000", "0100007F"}
    assert listening["00000000"] == {8443, 8444, 8445}
    assert listening["0100007F"] >= {8088, 8091, 3000}
    published = json.loads(run("podman", "inspect", "cyberimpact-host"))[0]["NetworkSettings"]["Ports"]
    assert set(published) == {"8443/tcp", "8444/tcp", "8445/tcp"}


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
    run("podman", "healthcheck", "run", "cyberimpact_web_1")
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
