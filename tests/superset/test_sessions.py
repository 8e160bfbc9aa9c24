"""Sessions end when they are to end, passwords are written nowhere, and logins reveal nothing about accounts."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator

import httpx
import pytest
from supersync.access import new_password
from supersync.client import Client

from tests.superset import people
from tests.superset.conftest import PYTHON, SERVER, Server

GUESSES = 10


@pytest.fixture(scope="module")
def administration(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with server.client() as client:
        people.grant(server, client, tmp_path_factory.mktemp("policies"))
        yield client


def number(administration: Client, name: str) -> int:
    users = administration.list("security/users", ["id", "username"], order="username")
    return next(user["id"] for user in users if user["username"] == name)


def role(administration: Client, name: str) -> int:
    roles = administration.get("/api/v1/security/roles/search/", params={"q": "(page:0,page_size:1000)"})["result"]
    return next(found["id"] for found in roles if found["name"] == name)


class Login:
    """A person with a cookie, and with tokens of the API, as they were when the login took place."""

    def __init__(self, server: Server, name: str, password: str) -> None:
        self.person = people.come_in(server.url, name, password)
        body = {"username": name, "password": password, "provider": "db", "refresh": True}
        tokens = httpx.post(f"{server.url}/api/v1/security/login", json=body, timeout=60).json()
        self._url = server.url
        self._cookie = {"Cookie": f"session={self.person.http.cookies['session']}"}
        self._access = {"Authorization": f"Bearer {tokens['access_token']}"}
        self._refresh = {"Authorization": f"Bearer {tokens['refresh_token']}"}

    def codes(self) -> set[int]:
        """Return what the cookie, the access token and the refresh token of that time are answered now."""
        answers = [
            httpx.get(f"{self._url}/api/v1/me/", headers=self._cookie, timeout=60),
            httpx.get(f"{self._url}/api/v1/security/users/1", headers=self._access, timeout=60),
            httpx.post(f"{self._url}/api/v1/security/refresh", headers=self._refresh, timeout=60),
        ]
        return {answer.status_code for answer in answers}


@pytest.fixture
def login(server: Server, administration: Client) -> Login:
    login = Login(server, "administrateur", new_password(administration, "administrateur"))
    assert login.codes() == {200}
    return login


def set_password(login: Login, administration: Client) -> None:  # noqa: ARG001 - the two are always given
    answer = login.person.put("/api/v1/me/", json={"password": secrets.token_urlsafe(15)})
    assert answer.is_success, answer.text


def set_password_for(login: Login, administration: Client) -> None:
    new_password(administration, login.person.name)


def log_out(login: Login, administration: Client) -> None:  # noqa: ARG001
    login.person.get("/logout/")


def close(login: Login, administration: Client) -> None:
    path = f"/api/v1/security/users/{number(administration, login.person.name)}"
    administration.put(path, json={"active": False})
    assert login.codes() == {401}
    administration.put(path, json={"active": True})  # and what was open stays closed


def take_role(login: Login, administration: Client) -> None:
    path = f"/api/v1/security/users/{number(administration, login.person.name)}"
    administration.put(path, json={"roles": [role(administration, "national")]})
    assert login.codes() == {401}
    administration.put(path, json={"roles": [role(administration, "administrateur")]})
    login.person.get("/logout/")


@pytest.mark.parametrize("end", [set_password, set_password_for, log_out, close, take_role])
def test_cookies_and_tokens_end_at_once(login: Login, administration: Client, end: Callable) -> None:
    end(login, administration)
    assert login.codes() == {401}


def test_the_end_of_a_session_is_that_of_one_account(server: Server, administration: Client, login: Login) -> None:
    other = people.come_in(server.url, "auditeur", new_password(administration, "auditeur"))
    log_out(login, administration)
    assert other.get("/api/v1/me/").json()["result"]["username"] == "auditeur"


def test_no_late_answer_to_somebody_who_is_not_logged_in_replaces_the_cookie_of_the_login(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as http:
        assert "session=" in http.get("/login/").headers["Set-Cookie"]
        http.get("/superset/language_pack/fr/")  # the form is drawn after it
        answers = [
            http.post("/superset/log/", params={"explode": "events"}, data={"events": "[]"}),
            http.get("/superset/language_pack/fr/"),
            http.get("/api/v1/me/"),
        ]
    assert [answer.status_code for answer in answers] == [204, 200, 401]
    assert not any("Set-Cookie" in answer.headers for answer in answers)


def test_a_session_of_a_service_is_made_and_ended_by_the_server(server: Server, administration: Client) -> None:
    def cookies() -> dict[str, str]:
        command = [PYTHON, SERVER, "session", "courrier"]
        done = subprocess.run(command, env=server.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    with httpx.Client(base_url=server.url, cookies=cookies(), timeout=60) as http:
        assert http.get("/api/v1/me/").json()["result"]["username"] == "courrier"
        new_password(administration, "courrier")
        assert http.get("/api/v1/me/").status_code == 401


def test_plain_passwords_are_written_nowhere(server: Server, administration: Client, login: Login) -> None:
    def secret() -> str:
        used.append(f"clair-{secrets.token_hex(12)}")
        return used[-1]

    used: list[str] = []
    person, admin = login.person, number(administration, "administrateur")
    assert person.put("/api/v1/me/", json={"password": secret()}).is_success
    person = people.come_in(server.url, "administrateur", used[-1])
    person.put("/api/v1/me/", json={"Password": secret(), "passwd": secret(), "nested": {"mot_de_passe": secret()}})
    person.put(f"/api/v1/me/?password={secret()}", json={"password": secret()})
    person = people.come_in(server.url, "administrateur", used[-1])
    person.http.headers["Referer"] = f"{server.url}/login/?username=administrateur&password={secret()}"
    person.get(f"/superset/welcome/?conf_password={secret()}")
    person.get(f"/api/v1/dashboard/?password={secret()}")
    person.post("/superset/log/", data={"explode": "events", "events": json.dumps([{"password": secret()}])})
    made = {"username": "clair", "first_name": "a", "last_name": "b", "email": "clair@example.org", "active": True}
    national = role(administration, "national")
    answer = person.post("/api/v1/security/users/", json={**made, "roles": [national], "password": secret()})
    assert answer.status_code == 201, answer.text
    path = f"/api/v1/security/users/{answer.json()['id']}"
    assert person.put(path, json={"password": secret(), "roles": [national]}).is_success
    taken = person.put(path, json={"password": secret(), "email": "auditeur@example.org", "roles": [national]})
    assert taken.is_client_error
    person.put(f"/api/v1/security/users/{admin}", json={"password": secret(), "nobody": 1})
    with httpx.Client(base_url=server.url, headers={"Referer": server.url}) as stranger:
        body = {"username": "administrateur", "password": secret(), "provider": "db"}
        assert stranger.post("/api/v1/security/login", json=body).status_code == 401
        stranger.get("/login/", params={"username": "administrateur", "password": secret()})
    administration.delete(path)
    person = people.come_in(server.url, "administrateur", new_password(administration, "administrateur"))
    form = {"password": secret(), "conf_password": used[-1]}
    assert person.post("/resetmypassword/form", data=form).headers["location"] == "/"
    assert people.come_in(server.url, "administrateur", used[-1])
    logged = administration.get("/api/v1/log/", params={"q": "(page_size:100,order_column:dttm,order_direction:desc)"})
    assert any("CurrentUserRestApi.put" in entry["action"] for entry in logged["result"])
    folder = server.home.root.parent  # the home, and the server's log beside it
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [word for word in used if word.encode() in content], path


def test_what_earlier_versions_logged_is_cleaned(server: Server) -> None:
    import sqlite3

    database, secret = server.home.superset / "superset.db", f"clair-{secrets.token_hex(12)}"
    with sqlite3.connect(database) as connection:
        connection.execute(
            "insert into logs (action, json, referrer) values ('CurrentUserRestApi.put', ?, ?)",
            (json.dumps({"path": "/api/v1/me/", "password": secret}), f"http://x/?password={secret}&a=1"),
        )
    connection.close()
    assert "action log: secrets taken out of 1 entries" in server.init().stderr
    assert not [path for path in database.parent.glob("superset.db*") if secret.encode() in path.read_bytes()]
    assert "action log" not in server.init().stderr


def test_spellings_of_one_account_are_guessed_as_one(server: Server, administration: Client) -> None:  # noqa: ARG001
    spellings = ["rhone", "RHONE", " rhone", "rhone ", "rho\u200bne", "ｒｈｏｎｅ", "Rhone\t", "rhone@example.org",
                 "RHONE@example.org", "\u00a0rhone"]  # fmt: skip
    codes = [guess(server, name) for name in spellings]
    assert codes == [401] * GUESSES
    assert {guess(server, name) for name in ("rhone", "rhone@example.org", "RhOnE")} == {429}
    assert guess(server, "aquitaine") == 401


def test_spellings_of_nobody_are_guessed_as_one(server: Server) -> None:
    codes = [guess(server, name) for name in ("nobody here", "NOBODY HERE", "nobodyhere", "Nobody\u2003Here") * 3]
    assert codes == [401] * GUESSES + [429] * 2


def guess(server: Server, name: str) -> int:
    body = {"username": name, "password": "wrong", "provider": "db"}
    return httpx.post(f"{server.url}/api/v1/security/login", json=body, timeout=60).status_code


#: Counts the hashes that a login takes, in the form and in the API, for accounts of every kind.
HASHES = """
import json, sys
from flask_appbuilder.security import manager
from superset.app import create_app
import security

calls = []
def counting(stored, given):
    calls.append(stored.split("$")[0])
    return original(stored, given)

original = manager.check_password_hash
manager.check_password_hash = security.check_password_hash = counting
app = create_app()
app.config["WTF_CSRF_ENABLED"] = False
found = {}
for name in json.loads(sys.argv[1]):
    for path in ("/login/", "/api/v1/security/login"):
        calls.clear()
        body = {"username": name, "password": "wrong", "provider": "db"}
        with app.test_client() as http:
            answer = http.post(path, data=body) if path == "/login/" else http.post(path, json=body)
        seen = [*calls, answer.status_code, answer.headers.get("Location"), len(answer.data)]
        found.setdefault(path, []).append(seen)
print(json.dumps(found))
"""


@pytest.mark.parametrize("issuer", [{}, {"CYBERIMPACT_OIDC_ISSUER": "http://127.0.0.1:9"}])
def test_a_login_takes_one_hash_and_one_answer_for_accounts_of_any_kind(
    server: Server, administration: Client, issuer: dict[str, str]
) -> None:
    closed = {"username": "closed", "first_name": "a", "last_name": "b", "email": "closed@example.org"}
    administration.post(
        "/api/v1/security/users/",
        json={**closed, "active": False, "password": "long enough 1", "roles": [role(administration, "national")]},
    )
    try:
        environment = server.environment | issuer | {
            "CYBERIMPACT_OIDC_CLIENT_ID": "x", "CYBERIMPACT_OIDC_CLIENT_SECRET": "x",
            "SUPERSET_CONFIG_PATH": str(SERVER.with_name("superset_config.py")), "PYTHONPATH": str(SERVER.parent),
        }  # fmt: skip
        names = json.dumps(["gironde", "gironde@example.org", "absent", "closed", "courrier", "admin"])
        done = subprocess.run(
            [PYTHON, "-c", HASHES, names], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found = json.loads(done.stdout.splitlines()[-1])
        for path in ["/api/v1/security/login"] if issuer else found:
            assert all(answer == found[path][0] for answer in found[path]), found
            assert found[path][0][0] == "scrypt:32768:8:1"
            assert len(found[path][0]) == 4, "one hash"
    finally:
        administration.delete(f"/api/v1/security/users/{number(administration, 'closed')}")


def test_a_host_that_is_not_ours_is_refused(server: Server) -> None:
    for host, code in (("evil.example", 400), ("127.0.0.1.evil.example", 400), ("localhost", 200)):
        assert httpx.get(f"{server.url}/login/", headers={"Host": host}).status_code == code, host


def test_the_way_to_dagster(server: Server, administration: Client) -> None:
    where = "/dagster/?to=/runs/1"
    stranger = httpx.get(f"{server.url}{where}")
    assert stranger.headers["location"] == "/login/?next=/dagster/%3Fto%3D/runs/1"
    person = people.come_in(server.url, "ingenieur", new_password(administration, "ingenieur"))
    dagster = f"http://127.0.0.1:{server.environment['CYBERIMPACT_DAGSTER_PORT']}"
    assert person.get(where).headers["location"] == f"{dagster}/runs/1"
    for to in ("https://evil.example/", "//evil.example/", "/\\evil.example", "evil.example"):
        assert person.get("/dagster/", params={"to": to}).headers["location"] == f"{dagster}/"
