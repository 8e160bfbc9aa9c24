"""Logs users in and out through an OpenID Connect issuer, such as ProConnect.

Every token is verified first: signature, issuer, audience, date; ProConnect signs its user info too. A refused user
reads the reason in French.
"""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin

from authlib.integrations.base_client.errors import MismatchingStateError, OAuthError
from flask import make_response, redirect, request, session
from flask_appbuilder import expose
from flask_appbuilder.security.views import AuthOAuthView
from flask_appbuilder.utils.base import get_safe_redirect
from flask_login import login_user
from joserfc import errors, jwt
from joserfc.jwk import KeySet, OctKey
from pages import page

logger = logging.getLogger(__name__)

#: The only signatures that are accepted: an issuer's public key verifies them, and no shared secret.
ALGORITHMS = ["RS256", "ES256"]
LEEWAY_SECONDS = 60
#: The group of the accounts that the issuer made; their roles follow its claims, those of all others do not.
MARK = "proconnect"
#: Where a session keeps the identity token, by which its issuer knows who wants to leave.
HINT = "identity_hint"
HINT_BYTES = 2_000  # a browser drops a cookie of more than 4 096, and the session is one


class Refusal(Exception):
    """A refused login, with its reason in French for the user."""


class View(AuthOAuthView):
    """The login and logout views: Superset redirects to the issuer, and these receive the users who come back."""

    @expose("/oauth-authorized/<provider>")
    def oauth_authorized(self, provider: str) -> Any:
        """Log in the user who comes back from the issuer, or show the reason of a refusal."""
        manager = self.appbuilder.sm
        try:
            claims, identity = claims_from(manager.oauth_remotes.get(provider))
            user = manager.let_in(claims)
        except Refusal as refusal:
            logger.warning("Login through %s refused: %s", provider, refusal)
            # A page of its own: Superset shows nobody the messages that are left for its form.
            again = self.appbuilder.get_url_for_login
            refusal_page = page("Vous n'êtes pas connecté", str(refusal), address=again, link="Revenir à la connexion")
            return make_response(refusal_page, HTTPStatus.FORBIDDEN)
        wanted = _wanted(session.pop("oauth_state", ""))
        login_user(user)
        session[HINT] = identity if len(identity) <= HINT_BYTES else ""
        return redirect(get_safe_redirect(wanted or self.appbuilder.get_url_for_index))

    @expose("/logout/")
    def logout(self) -> Any:
        """End the session here, then send who came in through the issuer there, to end theirs with it too."""
        hint = session.pop(HINT, None)
        here = super().logout()
        if hint is None:  # the platform's own account
            return here
        back = urljoin(request.host_url, self.appbuilder.get_url_for_login)
        return redirect(way_out(self.appbuilder.sm.oauth_remotes[MARK], hint, back) or back)


def _wanted(key: str) -> str:
    """Return the page that the user asked for, which Flask-AppBuilder signs into the `state`, or nothing."""
    try:
        return jwt.decode(request.args.get("state", ""), OctKey.import_key(key), algorithms=["HS256"]).claims["next"][0]
    except (errors.JoseError, KeyError, IndexError, ValueError):
        return ""


def way_out(remote: Any, hint: str, back: str) -> str | None:
    """Return the address at which an issuer ends its own session with a person, None if it has none.

    Nothing depends on the `state` when they come back, since the session here has ended; ProConnect demands one.

    Args:
        remote: The issuer.
        hint: The identity token that it gave; empty if it was too long to be kept, and the issuer then asks the person.
        back: Where it is to send the person afterwards.
    """
    try:
        address = remote.load_server_metadata().get("end_session_endpoint")
    except OSError as error:  # of which are all errors of a request; the session here has ended all the same
        logger.warning("The issuer cannot be asked to end its session: %s", type(error).__name__)
        return None
    if not address:
        return None
    whose = {"id_token_hint": hint} if hint else {"client_id": remote.client_id}
    asked = urlencode({**whose, "post_logout_redirect_uri": back, "state": secrets.token_urlsafe(16)})
    return f"{address}{'&' if '?' in address else '?'}{asked}"


def claims_from(remote: Any) -> tuple[Mapping[str, Any], str]:
    """Return the verified claims about the user whom the issuer has sent back, and the identity token itself.

    Raises:
        Refusal: there are no claims, or they cannot be verified.
    """
    if remote is None:
        raise Refusal("Ce fournisseur d'identité n'est pas connu.")
    try:
        token = remote.authorize_access_token()
        identity = verified(token.get("id_token") or "", remote)
        # Without its dates: ProConnect's lasts a minute, which Authlib takes for expired.
        bearer = {"access_token": token["access_token"], "token_type": "Bearer"}
        answer = remote.get(remote.load_server_metadata()["userinfo_endpoint"], token=bearer)
        answer.raise_for_status()
        signed = answer.headers.get("Content-Type", "").startswith("application/jwt")
        claims = verified(answer.text, remote) if signed else answer.json()
    except MismatchingStateError as error:
        raise Refusal("Cette demande de connexion n'est plus valable : recommencez.") from error
    except OAuthError as error:
        raise Refusal(f"Le fournisseur d'identité a refusé la connexion ({error.error}) : recommencez.") from error
    except Refusal:
        raise
    except Exception as error:  # whatever goes wrong here, nobody is let in
        raise Refusal(_words(error)) from error
    if claims.get("sub") != identity["sub"]:
        raise Refusal("Le fournisseur d'identité parle de deux personnes : la connexion est refusée.")
    return claims, token["id_token"]


def verified(text: str, remote: Any) -> Mapping[str, Any]:
    """Return the claims of a token, once its signature, issuer, addressee and date have been verified.

    Raises:
        joserfc.errors.JoseError: one of them is not what it must be.
    """
    try:
        token = jwt.decode(text, KeySet.import_key_set(remote.fetch_jwk_set()), algorithms=ALGORITHMS)
    except errors.InvalidKeyIdError:  # the issuer has changed its keys
        token = jwt.decode(text, KeySet.import_key_set(remote.fetch_jwk_set(force=True)), algorithms=ALGORITHMS)
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": remote.load_server_metadata()["issuer"]},
        aud={"essential": True, "value": remote.client_id},
        exp={"essential": True},
        sub={"essential": True},
    )
    registry.validate(token.claims)
    return token.claims


_CLAIMS = {
    "aud": "Le jeton est destiné à un autre service",
    "azp": "Le jeton est destiné à un autre service",
    "iss": "Le jeton vient d'un autre fournisseur d'identité",
    "nonce": "Le jeton répond à une autre demande de connexion",
    "exp": "Le jeton n'a pas de date de fin",
}


def _words(error: Exception) -> str:
    """Return in French why a token is invalid. Authlib and joserfc have classes of the same names."""
    kind = type(error).__name__
    claim = str(getattr(error, "claim", "") or getattr(error, "claim_name", ""))
    if kind == "ExpiredTokenError":
        return "Le jeton a expiré : recommencez."
    if kind == "BadSignatureError":
        return "La signature du jeton est fausse : la connexion est refusée."
    if kind in {"InvalidClaimError", "MissingClaimError"}:
        return f"{_CLAIMS.get(claim, f'Le jeton n’est pas recevable ({claim})')} : la connexion est refusée."
    logger.warning("The issuer's answer could not be used: %s", kind)
    return "La réponse du fournisseur d'identité n'est pas recevable : la connexion est refusée."
