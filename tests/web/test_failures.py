"""What goes wrong is said in a page and noted without the address, which can hold the signature of a link."""

from http import HTTPStatus

from django.test import Client

from operations.alerts import links


def test_an_error_that_nobody_expects_is_noted_without_the_signature(home, monkeypatch, caplog):  # noqa: ARG001
    def breaks(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(links, "opened", breaks)
    answer = Client(raise_request_exception=False, headers={"Host": "127.0.0.1"}).get("/verdict/secret-signature")
    assert (answer.status_code, "Erreur interne" in answer.text) == (HTTPStatus.INTERNAL_SERVER_ERROR, True)
    said = caplog.text
    assert "ZeroDivisionError" in said
    assert "secret-signature" not in said


def test_what_is_refused_is_noted_nowhere(visit, monkeypatch, caplog):
    client = visit("national")
    assert client.get("/verdict/secret-signature").status_code == HTTPStatus.GONE
    assert client.get("/rien").status_code == HTTPStatus.NOT_FOUND
    assert client.post("/chercher").status_code == HTTPStatus.METHOD_NOT_ALLOWED
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", "a key of thirty-two bytes at least.")
    assert client.get("/verdict/secret-signature").status_code == HTTPStatus.GONE
    assert caplog.records == []


def test_another_host_is_served_nothing(home):  # noqa: ARG001
    for path in ("/", "/healthz", "/api/kpi", "/rien"):
        answer = Client(headers={"Host": "evil.example"}).get(path)
        assert answer.status_code == HTTPStatus.BAD_REQUEST, path
        assert "evil.example" not in answer.text
        assert "réglage CYBERIMPACT_WEB_URL" in answer.text
