"""An expired certificate is named wherever the platform opens a connection; a real server shows one."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from supersync.client import Client
from supersync.errors import SupersetFailure

from cli import health_checks
from core import certificates
from core.errors import ExpectedFailure
from ingestion.engine import remote_folders
from ingestion.engine.http import Api
from ingestion.platforms import platform
from opendata import udata
from operations.alerts import sending
from operations.bus import broker
from tests import tls

EXPIRED = "the certificate of the server is not accepted (certificate has expired); nothing was sent."


def ask_a_platform(port: int) -> None:
    Api("essai", f"https://127.0.0.1:{port}", "CYBERIMPACT_ESSAI_API_KEY").get("records")


def send_to_a_webhook(port: int) -> None:
    sending._ask("POST", f"https://127.0.0.1:{port}/secret", {}, b"{}")


def connect_to_the_bus(port: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(broker.SETTING, f"amqps://a:secret@127.0.0.1:{port}/v")
        with broker.connected():
            pass


def look_into_a_bucket(port: int) -> None:
    chosen = platform("partoo")
    given = {"": "s3://seau/dossier", "_ENDPOINT": f"https://127.0.0.1:{port}", "_USER": "a", "_SECRET": "secret"}
    with pytest.MonkeyPatch.context() as patch:
        for part, value in given.items():
            patch.setenv(remote_folders.setting(chosen, part), value)
        remote_folders.look(chosen)


@pytest.fixture
def expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that ended yesterday and whose authority is known."""
    tls.certificate(tmp_path, "example", days=-1)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "certificate.pem"))
    return tmp_path


def shown(folder: Path) -> ssl.SSLContext:
    return tls.context(folder / "certificate.pem", folder / "key.pem")


@pytest.mark.parametrize("act", [ask_a_platform, send_to_a_webhook, connect_to_the_bus, look_into_a_bucket])
def test_an_expired_certificate_is_named(home, expired: Path, act: Callable[[int], None]) -> None:  # noqa: ARG001
    with tls.serving(shown(expired)) as port, pytest.raises(ExpectedFailure) as failure:
        act(port)
    assert EXPIRED in failure.value.what
    assert "secret" not in str(failure.value)
    assert "If the clock of this machine is wrong" in failure.value.remedy


def test_the_catalogue_says_so_in_french(home, expired: Path) -> None:  # noqa: ARG001
    import httpx

    with (
        tls.serving(shown(expired)) as port,
        pytest.raises(ExpectedFailure, match=r"certificat du catalogue n'est pas accepté .certificate has expired."),
        udata._answering(),
    ):
        httpx.get(f"https://127.0.0.1:{port}")


def test_so_does_the_client_of_superset(expired: Path) -> None:
    with (
        tls.serving(shown(expired)) as port,
        pytest.raises(SupersetFailure, match=r"is not accepted .certificate has expired.\. Ask the operator"),
        Client(f"https://127.0.0.1:{port}", "admin", "secret") as client,
    ):
        client.get("/api/v1/me/")


@pytest.mark.parametrize(
    ("name", "begins", "reason"),
    [("example", 1, "certificate is not yet valid"), ("other", -9, "Hostname mismatch, certificate is not valid for")],
)
def test_another_reason_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begins: int, reason: str
) -> None:
    file, key = tls.certificate(tmp_path, name, days=9, begins=begins)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", port))])
    with tls.serving(tls.context(file, key)) as port, pytest.raises(ExpectedFailure) as failure:
        certificates.good_until(f"https://example:{port}")
    assert reason in failure.value.what


@pytest.mark.parametrize(("days", "state"), [(40, "ok"), (20, "late"), (-1, "broken")])
def test_the_doctor_says_how_long_ours_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    file, key = tls.certificate(tmp_path, "example", days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with tls.serving(tls.context(file, key)) as port:
        for service in ("WEB", "SUPERSET", "DAGSTER"):
            monkeypatch.setenv(f"CYBERIMPACT_{service}_URL", f"https://127.0.0.1:{port}")
        (finding,) = health_checks.certificates_shown()
    assert (finding.subject, finding.state) == (f"certificate of 127.0.0.1:{port}", state)
    assert bool(finding.remedy) is (state != "ok")


def test_another_failure_is_none_of_a_certificate() -> None:
    assert certificates.explain(ConnectionRefusedError(111, "Connection refused"), "x") is None
