"""Extends Superset's security manager: owner of a query, roles of a login, end of a session."""

import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import accounts
import connections
import oidc
import sessions
from claims import Roles
from flask import Flask, current_app, session
from flask_appbuilder.const import AUTH_OAUTH
from flask_jwt_extended import JWTManager
from flask_login import LoginManager, user_logged_in
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetSecurityException
from superset.security import SupersetSecurityManager
from superset.utils.core import get_user_id
from werkzeug.security import check_password_hash

#: By object, the actions that no view of Superset declares: `web` asks for them, roles.yml gives them.
OWN_PERMISSIONS = {
    "Dagster": ("can_open", "can_read"),
    "Veille": ("can_decide",),
    "Prevention": ("can_write",),
    "Audit": ("can_verify",),
    "Sources": ("can_load",),
}
SUPERSET = Path(__file__).resolve().parents[1]


class SecurityManager(SupersetSecurityManager):
    """Superset's, stricter."""

    authoauthview = oidc.View
    #: Neither Alpha nor Gamma gets what is here: Superset gives them all that it does not know otherwise.
    ADMIN_ONLY_VIEW_MENUS = SupersetSecurityManager.ADMIN_ONLY_VIEW_MENUS | OWN_PERMISSIONS.keys()

    def __init__(self, appbuilder: Any) -> None:
        super().__init__(appbuilder)
        rules = accounts.Rules.read(SUPERSET / "policies", _administrator())

        @event.listens_for(self.session, "before_flush")
        def examine_accounts(flushed: Session, *_: Any) -> None:
            accounts.hash_passwords(flushed)
            accounts.refuse_unlawful_changes(flushed, rules)
            sessions.end_of_closed(flushed)

    def create_custom_permissions(self) -> None:
        """Create Superset's permissions without a view, and those of the project."""
        super().create_custom_permissions()
        for thing, actions in OWN_PERMISSIONS.items():
            for action in actions:
                self.add_permission_view_menu(action, thing)

    def create_login_manager(self, app: Flask) -> LoginManager:
        """Return Superset's, which lets no cookie in whose session has ended."""
        manager = super().create_login_manager(app)

        @manager.user_loader
        def user_of_session(number: str) -> Any:
            user = self.load_user(int(number))
            return user if user and self._is_valid(session.get(sessions.STAMP), user) else None

        def stamp_session(*_: Any, user: Any) -> None:
            session[sessions.STAMP] = sessions.stamp(self.session, user)

        user_logged_in.connect(stamp_session, weak=False)
        return manager

    def create_jwt_manager(self, app: Flask) -> JWTManager:
        """Return Flask-AppBuilder's, which lets no token in, access or refresh, whose session has ended."""
        manager = super().create_jwt_manager(app)

        @manager.additional_claims_loader
        def stamp_token(number: str) -> dict[str, str]:
            return {sessions.STAMP: sessions.stamp(self.session, self.get_user_by_id(int(number)))}

        @manager.token_in_blocklist_loader
        def has_ended(_: Any, token: Mapping[str, Any]) -> bool:
            user = self.load_user(int(token["sub"]))
            return user is None or not self._is_valid(token.get(sessions.STAMP), user)

        return manager

    def _is_valid(self, stamp: Any, user: Any) -> bool:
        return hmac.compare_digest(str(stamp or ""), sessions.stamp(self.session, user))

    def on_user_logout(self, user: Any) -> None:
        """End every session of the account, its tokens too."""
        sessions.end_all(self.session, user.id)
        try:
            self.session.commit()
        except IntegrityError:  # the first logout of the account, in two browsers at once: the other has ended all
            self.session.rollback()

    def auth_user_db(self, username: str, password: str) -> Any:
        """Log in by password; with an OpenID Connect issuer, only the platform's own account."""
        if self.auth_type == AUTH_OAUTH and username != _administrator():
            # As long as for an account that may come in.
            check_password_hash(current_app.config["AUTH_DB_FAKE_PASSWORD_HASH_CHECK"], password)
            return None
        return super().auth_user_db(username, password)

    def let_in(self, claims: Mapping[str, Any]) -> Any:
        """Return the account of a person, created or updated from the issuer's claims.

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
            with accounts.by_the_platform():
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
        """Return the permissions of each role for the page.

        Superset draws its pages of accounts, roles and groups for the name `Admin` alone, whatever a role may do. So
        who may list accounts bears the name there, with nothing in it: the server asks the roles themselves.
        """
        by_role = super().get_user_roles_permissions(user)
        if any(("menu_access", "List Users") in map(tuple, permissions) for permissions in by_role.values()):
            by_role.setdefault("Admin", [])
        return by_role

    def can_drill_dataset_via_dashboard_access(self, dataset: Any, dashboard: Any) -> bool:
        """Return whether a user may drill into a dataset: only with a right to read it, not through a dashboard."""
        return self._reads(dataset) and super().can_drill_dataset_via_dashboard_access(dataset, dashboard)

    def _reads(self, dataset: Any) -> bool:
        """Return whether the roles of the account let it read a dataset, whatever dashboard shows it."""
        return (
            self.can_access_schema(dataset)
            or self.can_access("datasource_access", dataset.perm or "")
            or self.is_owner(dataset)
        )

    def get_rls_cache_key(self, datasource: Any) -> list[str]:
        """Return the part of the cache key that separates accounts, for charts of both kinds.

        It goes by what the account may read, so that those with the same right share their answers.
        """
        return [*super().get_rls_cache_key(datasource), connections.cache_key(self)]

    def raise_for_access(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what the account may not see.

        A query of SQL Lab keeps the SQL with the row rules of who asked it, and Superset runs it as it stands for
        whoever names it, in an export or a chart: so nobody but its owner may.

        Superset lets the roles of a dashboard read the datasets of its charts, so that whoever may build one could
        hand on what is reserved: here a dataset is read by its own right alone. It also runs the saved query of a chart
        that an annotation names, without asking whether its dataset may be read: no annotation names one here.

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
        layers = [layer for query in (context.queries if context else ()) for layer in query.annotation_layers]
        if not self.is_admin() and any(layer.get("sourceType") in {"line", "table"} for layer in layers):
            raise SupersetSecurityException(
                SupersetError(
                    message="Une annotation ne peut pas lire un autre graphique.",
                    error_type=SupersetErrorType.CHART_SECURITY_ACCESS_ERROR,
                    level=ErrorLevel.ERROR,
                )
            )
        asked = context or kwargs.get("viz")
        dataset = asked.datasource if asked else kwargs.get("datasource")
        if dataset is not None and getattr(dataset, "user_id", None) is None and not self._reads(dataset):
            raise SupersetSecurityException(self.get_datasource_access_error_object(dataset))
        super().raise_for_access(*args, **kwargs)


def _administrator() -> str:
    return os.environ.get("SUPERSET_ADMIN_USERNAME", "admin")
