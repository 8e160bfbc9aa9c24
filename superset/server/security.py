"""What the project adds to Superset's own security: whose a query is, and who comes in with what roles."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import connections
import oidc
from claims import Roles
from flask_appbuilder.const import AUTH_OAUTH
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetSecurityException
from superset.security import SupersetSecurityManager
from superset.utils.core import get_user_id

SUPERSET = Path(__file__).resolve().parents[1]


class SecurityManager(SupersetSecurityManager):
    """Superset's, stricter."""

    authoauthview = oidc.View

    def auth_user_db(self, username: str, password: str) -> Any:
        """Let in by password; where people come in through an issuer, nobody but the platform's own account."""
        if self.auth_type == AUTH_OAUTH and username != os.environ.get("SUPERSET_ADMIN_USERNAME", "admin"):
            return None
        return super().auth_user_db(username, password)

    def let_in(self, claims: Mapping[str, Any]) -> Any:
        """Return the account of a person, made or brought up to date by what the issuer tells.

        Who is declared in `users.yml`, or was made by hand, keeps the roles of that; all others have those that
        `policies/oidc.yml` gives for their unit, today.

        Raises:
            oidc.Refusal: there is no address or no role, or the account is shut.
        """
        mail = str(claims.get("email") or "").lower()
        if not mail or claims.get("email_verified") is False:
            raise oidc.Refusal("Le fournisseur d'identité ne donne pas d'adresse vérifiée : la connexion est refusée.")
        user = self.find_user(email=mail) or self.find_user(username=mail)
        if user is not None and not user.is_active:
            raise oidc.Refusal("Ce compte est fermé. Adressez-vous à l'administrateur de cyberimpact.")
        if user is None or oidc.MARK in {group.name for group in user.groups}:
            user = self._follow(user, mail, claims)
        self.update_user_auth_stat(user)
        return user

    def _follow(self, user: Any, mail: str, claims: Mapping[str, Any]) -> Any:
        rules = Roles(SUPERSET / "policies" / "oidc.yml", SUPERSET.parent / "dbt_project" / "seeds" / "territories.csv")
        given = rules.given(claims)
        roles = [role for role in map(self.find_role, sorted(given)) if role is not None]
        if not roles or len(roles) < len(given):
            if user is not None:
                user.roles = []
                self.session.commit()
            raise oidc.Refusal(
                f"Votre unité ({claims.get(rules.claim) or 'non communiquée'}) ne donne aucun rôle dans cyberimpact. "
                "Adressez-vous à l'administrateur."
            )
        if user is None:
            group = self.find_group(oidc.MARK) or self.add_group(
                oidc.MARK, "Comptes venus de ProConnect", "Leurs rôles suivent policies/oidc.yml.", []
            )
            names = (
                str(claims.get("given_name") or mail),
                str(claims.get("usual_name") or claims.get("family_name") or ""),
            )
            password = secrets.token_urlsafe(32)  # nobody knows it: without one, an empty password would do
            user = self.add_user(mail, *names, mail, roles, password=password, groups=[group])
            if not user:
                raise oidc.Refusal("Le compte n'a pas pu être créé. Adressez-vous à l'administrateur de cyberimpact.")
        user.roles = roles
        self.session.commit()
        return user

    def get_user_roles_permissions(self, user: Any) -> dict[str, list[tuple[str, str]]]:
        """Return the permissions of each role, as they are told to the page.

        Superset draws its pages of accounts, roles and groups for the name `Admin` alone, whatever a role may do. So
        who may list accounts bears the name there, with nothing in it: the server asks the roles themselves.
        """
        told = super().get_user_roles_permissions(user)
        if any(("menu_access", "List Users") in map(tuple, permissions) for permissions in told.values()):
            told.setdefault("Admin", [])
        return told

    def get_rls_cache_key(self, datasource: Any) -> list[str]:
        """Return what tells the kept answers of one account from another's, of charts of both kinds.

        It goes by what the account may read, so that those with the same right share their answers.
        """
        return [*super().get_rls_cache_key(datasource), connections.cache_key(self)]

    def raise_for_access(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what the account may not see.

        A query of SQL Lab keeps the SQL with the row rules of who asked it, and Superset runs it as it stands for
        whoever names it, in an export or a chart: so nobody but its owner may.

        Raises:
            SupersetSecurityException: the account may not see it.
        """
        context = kwargs.get("query_context")
        for query in (kwargs.get("query"), kwargs.get("datasource"), context and context.datasource):
            owner = getattr(query, "user_id", None)
            if owner is not None and owner != get_user_id() and not self.is_admin():
                raise SupersetSecurityException(
                    SupersetError(
                        message="Cette requête est celle d'un autre compte.",
                        error_type=SupersetErrorType.QUERY_SECURITY_ACCESS_ERROR,
                        level=ErrorLevel.ERROR,
                    )
                )
        super().raise_for_access(*args, **kwargs)
