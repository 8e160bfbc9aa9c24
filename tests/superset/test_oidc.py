"""Coming in through an issuer, behind an HTTPS proxy: a second server on the same metadata, set up as for real use."""

import html
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from supersync.client import Client

from tests.ports import free_port
from tests.superset import issuer as issuers
from tests.superset import people
from tests.superset.conftest import PYTHON, SERVER, Server, run, wait_for
from tests.superset.issuer import CLIENT_ID, CLIENT_SECRET, PERSON, Issuer
from tests.superset.test_login import foreign, stays


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    with issuers.serving(made):
        yield made


@pytest.fixture(scope="module")
def url(server: Server, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("oidc")
    with server.client() as client:
        people.grant(server, client, folder)
    port = free_port()
    environment = server.environment | {
        "CYBERIMPACT_SUPERSET_PORT": str(port),
        "CYBERIMPACT_SUPERSET_HTTPS": "1",
        "CYBERIMPACT_OIDC_ISSUER": issuer.url,
        "CYBERIMPACT_OIDC_CLIENT_ID": CLIENT_ID,
        "CYBERIMPACT_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    log = folder / "superset.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([PYTHON, SERVER, "serve"], env=environment, stdout=stream, stderr=stream)
    try:
        wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(autouse=True)
def honest(issuer: Issuer) -> None:
    """Each test begins with an issuer that does not lie."""
    issuer.__dict__.update(
        {name: value for name, value in vars(Issuer()).items() if name not in {"url", "keys", "nonces"}}
    )


def browser(url: str) -> httpx.Client:
    """Return what a proxy hands on for a browser: HTTPS outside, HTTP here."""
    http = httpx.Client(base_url=url, headers={"X-Forwarded-Proto": "https"}, timeout=60)
    kept = http.cookies.jar

    def add_cookies(request: httpx.Request) -> None:
        request.headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in kept)

    http.event_hooks["request"].append(add_cookies)  # httpx keeps a secure cookie from a connection without TLS
    return http


def here(address: str, url: str) -> str:
    return address.replace(url.replace("http:", "https:"), url)


def come_back(http: httpx.Client, url: str, **changed: str) -> httpx.Response:
    """Go to the issuer and come back, as a browser is sent; parameters of the way back may be tampered with."""
    there = http.get("/login/proconnect").headers["location"]
    back = httpx.URL(here(httpx.get(there).headers["location"], url))
    return http.get(back.copy_merge_params(changed))


def who(http: httpx.Client) -> dict[str, Any] | None:
    answer = http.get("/api/v1/me/roles/")
    return answer.json()["result"] if answer.is_success else None


def refused(answer: httpx.Response) -> str:
    """Assert that somebody was not let in, and return the reason that they read."""
    assert answer.status_code == 403
    return html.unescape(answer.text)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_person_comes_in_with_the_role_of_their_unit(url, issuer, algorithm):
    issuer.algorithm = algorithm
    with browser(url) as http:
        answer = come_back(http, url)
        assert answer.status_code == 302
        assert answer.headers["location"] == "/"
        me = who(http)
        assert me["username"] == PERSON["email"]
        assert (me["firstName"], me["lastName"]) == ("Camille", "Essai")
        assert list(me["roles"]) == ["departement-FR-33"]


def test_the_request_to_the_issuer_is_bound_to_the_browser(url):
    with browser(url) as http:
        there = httpx.URL(http.get("/login/proconnect").headers["location"])
        assert {"state", "nonce", "code_challenge"} <= set(there.params)
        assert there.params["code_challenge_method"] == "S256"
        assert there.params["scope"].split()[0] == "openid"
        assert there.params["redirect_uri"].startswith("https://")


LIES = {
    "a wrong signature of the identity": ({"forged": "identity"}, "La signature du jeton est fausse"),
    "a wrong signature of the person": ({"forged": "userinfo"}, "La signature du jeton est fausse"),
    "another audience": ({"identity": {"aud": "another"}}, "Le jeton est destiné à un autre service"),
    "another audience of the person": ({"userinfo": {"aud": "another"}}, "Le jeton est destiné à un autre service"),
    "another issuer": ({"identity": {"iss": "https://example.org"}}, "Le jeton vient d'un autre fournisseur"),
    "an expired identity": ({"identity": {"exp": int(time.time()) - 3600}}, "Le jeton a expiré"),
    "an expired person": ({"userinfo": {"exp": int(time.time()) - 3600}}, "Le jeton a expiré"),
    "no end": ({"userinfo": {"exp": None}}, "Le jeton n'a pas de date de fin"),
    "another nonce": ({"identity": {"nonce": "stale"}}, "Le jeton répond à une autre demande"),
    "another person": ({"userinfo": {"sub": "somebody else"}}, "parle de deux personnes"),
    "no identity": ({"gives_identity": False}, "n'est pas recevable"),
    "a shared secret": ({"algorithm": "HS256"}, "n'est pas recevable"),
    "no signature": ({"algorithm": "none"}, "n'est pas recevable"),
    "an unknown unit": (
        {"person": {**PERSON, "organizational_unit": "Mairie"}},
        "Votre unité (Mairie) ne donne aucun rôle",
    ),
    "an unknown département": ({"person": {**PERSON, "organizational_unit": "GGD99"}}, "ne donne aucun rôle"),
    "no unit": ({"person": {**PERSON, "organizational_unit": None}}, "Votre unité (non communiquée)"),
    "no address": ({"person": {**PERSON, "email": ""}}, "ne donne pas d'adresse vérifiée"),
    "an address that is not verified": ({"person": {**PERSON, "email_verified": False}}, "pas d'adresse vérifiée"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_with_words(url, issuer, lie):
    forged, reason = LIES[lie]
    issuer.__dict__.update(forged)
    with browser(url) as http:
        assert reason in refused(come_back(http, url))
        assert who(http) is None


@pytest.mark.parametrize("changed", [{"state": "forged"}, {"code": "code0"}])
def test_a_way_back_that_was_tampered_with(url, changed):
    with browser(url) as http:
        refused(come_back(http, url, **changed))
        assert who(http) is None


def test_the_way_back_of_one_browser_does_not_open_another(url):
    with browser(url) as mine, browser(url) as other:
        there = mine.get("/login/proconnect").headers["location"]
        back = here(httpx.get(there).headers["location"], url)
        assert "plus valable" in refused(other.get(back))
        assert who(other) is None


def test_the_issuer_refuses(url):
    with browser(url) as http:
        answer = http.get("/oauth-authorized/proconnect", params={"error": "access_denied", "state": "x"})
        assert "a refusé la connexion (access_denied)" in refused(answer)


def test_a_person_who_changes_units_changes_roles_at_the_next_login(url, issuer):
    for unit, roles in (("GGD33", ["departement-FR-33"]), ("GGD69", ["departement-FR-69"]), ("DGGN", ["national"])):
        issuer.person = {**PERSON, "email": "mobile@example.org", "organizational_unit": unit}
        with browser(url) as http:
            come_back(http, url)
            assert list(who(http)["roles"]) == roles
    issuer.person = {**PERSON, "email": "mobile@example.org", "organizational_unit": "Mairie"}
    with browser(url) as http:
        come_back(http, url)
        assert who(http) is None


def test_units_given_as_a_list_add_up(url, issuer):
    issuer.person = {**PERSON, "email": "deux@example.org", "organizational_unit": ["GGD33", "GGD 69"]}
    with browser(url) as http:
        come_back(http, url)
        assert sorted(who(http)["roles"]) == ["departement-FR-33", "departement-FR-69"]


def test_who_is_declared_keeps_the_roles_of_the_declaration(url, issuer):
    issuer.person = {**PERSON, "email": "analyste@example.org"}
    with browser(url) as http:
        come_back(http, url)
        me = who(http)
        assert (me["username"], list(me["roles"])) == ("analyste", ["analyste"])


def test_a_shut_account_stays_shut(server, url, issuer):
    issuer.person = {**PERSON, "email": "parti@example.org"}
    with browser(url) as http:
        come_back(http, url)
        assert who(http)
    with server.client() as client:
        users = client.list("security/users", ["id", "username"], order="username")
        number = next(user["id"] for user in users if user["username"] == "parti@example.org")
        client.put(f"/api/v1/security/users/{number}", json={"active": False})
    with browser(url) as http:
        assert "Ce compte est fermé" in refused(come_back(http, url))
        assert who(http) is None


def test_an_account_of_the_issuer_has_no_password(url, issuer):
    issuer.person = {**PERSON, "email": "sans@example.org"}
    with browser(url) as http:
        come_back(http, url)
    for password in ("", "None", PERSON["sub"]):
        body = {"username": "sans@example.org", "password": password, "provider": "db"}
        assert httpx.post(f"{url}/api/v1/security/login", json=body).status_code in {400, 401}


def test_an_issuer_that_does_not_sign_what_it_tells_is_read_too(url, issuer):
    """Others than ProConnect answer in JSON, which the connection to the issuer protects."""
    issuer.signs_userinfo = False
    with browser(url) as http:
        come_back(http, url)
        assert list(who(http)["roles"]) == ["departement-FR-33"]


def test_the_platforms_own_account_still_comes_in_with_its_password(server, url):
    with Client(url, "admin", server.password) as client:
        assert client.get("/api/v1/me/")["result"]["username"] == "admin"


def test_nobody_else_comes_in_with_a_password(server, url):
    with server.client() as client:
        password = people.access.new_password(client, "auditeur")
    body = {"username": "auditeur", "password": password, "provider": "db"}
    assert httpx.post(f"{server.url}/api/v1/security/login", json=body, timeout=60).status_code == 200
    assert httpx.post(f"{url}/api/v1/security/login", json=body, timeout=60).status_code == 401


def test_cookies_behind_https(url):
    with browser(url) as http:
        page = http.get("/login/")
        assert "; Secure;" in page.headers["set-cookie"]
        assert "max-age" in page.headers["strict-transport-security"]
        come_back(http, url)
        token = http.cookies.get("session", "")
        assert "code" not in str(token)  # the issuer's access token is not kept in the browser


def test_a_browser_does_not_say_where_the_server_is(url):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "//evil.example"}
    with browser(url) as http:
        answer = http.get("/superset/welcome/", headers=forged)
        assert answer.headers["location"].startswith(("/login/", url.replace("http:", "https:") + "/login/"))


def test_logout_ends_the_session_here_and_at_the_issuer(url, issuer):
    with browser(url) as http:
        come_back(http, url)
        there = httpx.URL(http.get("/logout/").headers["location"])
        assert str(there).startswith(f"{issuer.url}/session/end?")
        assert there.params["id_token_hint"] == issuer.identities[-1]
        assert there.params["post_logout_redirect_uri"] == url.replace("http:", "https:") + "/login/"
        assert who(http) is None
        back = httpx.get(there).headers["location"]
        assert issuer.ended == [PERSON["sub"]]
        assert httpx.URL(back).params["state"] == there.params["state"]
        assert http.get(here(back, url)).status_code == 200
        # Whoever finds the browser so does not come in again, nor learns who was there.
        assert http.get("/logout/").headers["location"] == "/"
        assert who(http) is None


def test_a_cookie_that_was_copied_ends_with_the_session(url):
    with browser(url) as http, browser(url) as thief:
        come_back(http, url)
        thief.cookies.set("session", http.cookies["session"])
        assert who(thief)["username"] == PERSON["email"]
        http.get("/logout/")
        assert who(thief) is None
        come_back(http, url)
        assert who(http)
        assert who(thief) is None


def test_an_end_of_session_holds_for_every_server_on_the_same_metadata(server, url):
    with server.client() as client:
        password = people.access.new_password(client, "auditeur")
    person = people.come_in(server.url, "auditeur", password)
    with browser(url) as other:
        other.cookies.set("session", person.http.cookies["session"])
        assert who(other)["username"] == "auditeur"
        person.get("/logout/")
        assert who(other) is None


def test_a_login_leads_to_the_page_that_was_asked_for(url, server):
    page = f"http://127.0.0.1:{server.environment['CYBERIMPACT_WEB_PORT']}/veille?territoire=FR-33"
    for wanted in ("/dagster/?to=/runs", page):
        with browser(url) as http:
            assert leads_to(http, url, wanted) == wanted
            assert http.get("/login/", params={"next": wanted}).headers["location"] == wanted  # who has come in already
    for wanted in foreign(server):
        with browser(url) as http:
            assert stays(server, leads_to(http, url, wanted)), wanted


def leads_to(http: httpx.Client, url: str, wanted: str) -> str:
    """Come in through the issuer, and return where that leads."""
    there = http.get("/login/proconnect", params={"next": wanted}).headers["location"]
    return http.get(here(httpx.get(there).headers["location"], url)).headers["location"]


def test_an_identity_too_long_for_a_cookie_does_not_shut_anybody_out(url, issuer):
    issuer.identity = {"groups": "x" * 4_000}
    with browser(url) as http:
        come_back(http, url)
        assert who(http)
        there = httpx.URL(http.get("/logout/").headers["location"])
        assert dict(there.params).keys() == {"client_id", "post_logout_redirect_uri", "state"}


#: Asks for the way out of three issuers: one that is down, one that ends no session, one whose address has a query.
WAYS_OUT = """
import json, oidc

class Remote:
    def __init__(self, answer):
        self.load_server_metadata = answer

address = {"end_session_endpoint": "https://example.org/end?x=1"}
issuers = [Remote(lambda: open("absent")), Remote(lambda: {}), Remote(lambda: address)]
print(json.dumps([oidc.way_out(issuer, "h", "https://me/login/") for issuer in issuers]))
"""


def test_an_issuer_that_ends_no_session_is_not_asked_to():
    done = subprocess.run([PYTHON, "-c", WAYS_OUT], cwd=SERVER.parent, capture_output=True, text=True, check=True)
    down, silent, asked = json.loads(done.stdout)
    assert (down, silent) == (None, None)
    assert asked.startswith("https://example.org/end?x=1&id_token_hint=h&post_logout_redirect_uri=https%3A%2F%2Fme")


def test_many_accounts_are_slow_to_guess_from_one_address(url, server):
    def guess(username: str, password: str, address: str) -> int:
        body = {"username": username, "password": password, "provider": "db"}
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": address}
        return httpx.post(f"{url}/api/v1/security/login", json=body, headers=headers, timeout=60).status_code

    codes = [guess(f"person {number}", "x", "192.0.2.7") for number in range(61)]
    assert codes == [401] * 60 + [429]
    assert guess("admin", server.password, "192.0.2.7") == 429
    assert guess("admin", server.password, "192.0.2.8") == 200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"CYBERIMPACT_OIDC_ISSUER": "http://example.org"}, "CYBERIMPACT_OIDC_ISSUER is not an https:// address"),
        (
            {"CYBERIMPACT_OIDC_ISSUER": "https://example.org", "CYBERIMPACT_OIDC_CLIENT_ID": ""},
            "The setting CYBERIMPACT_OIDC_CLIENT_ID is absent.",
        ),
    ],
)
def test_a_setting_that_cannot_be(server, changed, message):
    outcome = run("init", server.environment | changed)
    assert outcome.returncode == 1
    assert message in outcome.stderr


def test_the_rules_of_units_give_roles_that_exist():
    """Every role that the rules name is one of roles.yml or a territory's."""
    import sys

    sys.path.insert(0, str(SERVER.parent))
    try:
        from claims import Roles
    finally:
        sys.path.pop(0)
    rules = Roles(people.POLICIES / "oidc.yml", people.SEEDS / "territories.csv")
    assert rules.given({"organizational_unit": "GGD75"}) == {"departement-FR-75C"}
    assert rules.given({"organizational_unit": "GGD 2A"}) == {"departement-FR-2A"}
    assert rules.given({"organizational_unit": "RG BRE"}) == {"region-gendarmerie-GN-BRE"}
    assert rules.given({"organizational_unit": "GGD33 ou autre"}) == set()
    assert Path(people.POLICIES / "oidc.yml").exists()
