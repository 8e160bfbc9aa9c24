"""A local OpenID Connect issuer that behaves as ProConnect does, and can be made to lie."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT_ID, CLIENT_SECRET = "cyberimpact", "a secret of the test, of thirty-two bytes at least"
PERSON = {
    "sub": "704e024229015d2bd47f7a5e5ab05b35c8336ab403c38022985f8cfadc86fe91",
    "given_name": "Camille",
    "usual_name": "Essai",
    "email": "camille.essai@example.org",
    "organizational_unit": "GGD33",
}


@dataclass
class Issuer:
    """What the issuer states, and how it lies about it.

    Attributes:
        person: Claims of who logs in.
        algorithm: What signs: `RS256`, `ES256`, or one that is to be refused.
        identity: Claims that the identity token has instead of the true ones; None takes one away.
        userinfo: The same for its claims about the person.
        forged: Which of the two is signed with a key that is not published.
        signs_userinfo: Whether it states these claims in a signed token, as ProConnect does.
        gives_identity: Whether it gives an identity token at all.
        identities: The identity tokens that it gave, the latest last.
        ended: Subjects whose session it has ended.
    """

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    algorithm: str = "RS256"
    identity: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    forged: str = ""
    signs_userinfo: bool = True
    gives_identity: bool = True
    identities: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    nonces: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys: dict[str, Any] = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
        }
        self.strange_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/session/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            # An issuer that would also sign with the shared secret, or not at all, is not to be followed in it.
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }

    def jwks(self) -> dict[str, Any]:
        rsa_jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.keys["RS256"].public_key()))
        ec_jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.keys["ES256"].public_key()))
        return {"keys": [{**rsa_jwk, "kid": "RS256", "use": "sig"}, {**ec_jwk, "kid": "ES256", "use": "sig"}]}

    def token(self, code: str) -> dict[str, Any]:
        answer = {"access_token": code, "token_type": "Bearer", "expires_in": 60}
        if self.gives_identity:
            claims = {"sub": self.person["sub"], "nonce": self.nonces[code], **self._common(), **self.identity}
            answer["id_token"] = self._signed(claims, "identity")
            self.identities.append(answer["id_token"])
        return answer

    def posted(self) -> tuple[str, str]:
        if not self.signs_userinfo:
            return "application/json", json.dumps(self.person)
        return "application/jwt", self._signed({**self.person, **self._common(), **self.userinfo}, "userinfo")

    def end(self, asked: dict[str, str]) -> str:
        """End the session of a person, and return where they are sent: only back to the service that they came from."""
        claims = jwt.decode(asked["id_token_hint"], options={"verify_signature": False})
        if asked["id_token_hint"] not in self.identities or not asked["post_logout_redirect_uri"].endswith("/login/"):
            raise ValueError("An address or a token that this issuer does not know, or has not given.")
        self.ended.append(claims["sub"])
        return f"{asked['post_logout_redirect_uri']}?{urlencode({'state': asked['state']})}"

    def _common(self) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 60}

    def _signed(self, claims: dict[str, Any], which: str) -> str:
        kept = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return jwt.encode(kept, None, algorithm="none")
        key = CLIENT_SECRET if self.algorithm == "HS256" else self.keys[self.algorithm]
        if self.forged == which:
            key = self.strange_key
        return jwt.encode(kept, key, algorithm=self.algorithm, headers={"kid": self.algorithm})


@contextmanager
def serving(issuer: Issuer) -> Iterator[None]:
    """Serve the issuer on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            if address.path == "/authorize":
                code = f"code{len(issuer.nonces)}"
                issuer.nonces[code] = asked["nonce"]
                self._redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")
            elif address.path == "/session/end":
                self._redirect(issuer.end(asked))
            elif address.path == "/userinfo":
                self._answer(*issuer.posted())
            else:
                answers = {"/.well-known/openid-configuration": issuer.configuration, "/jwks": issuer.jwks}
                self._answer("application/json", json.dumps(answers[address.path]()))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer("application/json", json.dumps(issuer.token(form["code"][0])))

        def _redirect(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.end_headers()

        def _answer(self, kind: str, body: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{web.server_port}"
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        web.shutdown()
        web.server_close()
