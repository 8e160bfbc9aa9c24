"""Configuration of the Apache Superset server, from the environment.

Read by Superset through `SUPERSET_CONFIG_PATH`; `server.py` beside it sets that. Settings:

* `SUPERSET_SECRET_KEY` (required): signs sessions and encrypts what the metadata database keeps.
* `SUPERSET_HOME` (required): folder of the metadata database and of the cache.
* `CYBERIMPACT_SUPERSET_METADATA_URI`: metadata database; SQLite in `SUPERSET_HOME` by default, Postgres beyond a demo.
* `CYBERIMPACT_SUPERSET_HTTPS`: `1` behind an HTTPS proxy: secure cookies, forwarded addresses believed.
* `CYBERIMPACT_OIDC_ISSUER`: address of an OpenID Connect issuer, ProConnect's for one, through which accounts come in;
  it needs `CYBERIMPACT_OIDC_CLIENT_ID` and `CYBERIMPACT_OIDC_CLIENT_SECRET`; `CYBERIMPACT_OIDC_SCOPES` if not usual.
* `CYBERIMPACT_SUPERSET_SESSION_MINUTES`: how long a session lasts without a click; 60 by default.
* `CYBERIMPACT_SUPERSET_URL`, `CYBERIMPACT_WEB_URL`, `CYBERIMPACT_DAGSTER_URL`: where people reach this server, the
  pages and Dagster behind a gateway; all on one host, since they know people by the cookie of this server.
* `CYBERIMPACT_SUPERSET_PORT`, `CYBERIMPACT_WEB_PORT`, `CYBERIMPACT_DAGSTER_PORT`: their ports without a gateway; 8088,
  8091 and 3000 by default.
* `CYBERIMPACT_QUERY_…`: how long a query may last and how much memory it may take; `queries.py` lists them.
"""

import os
import sys
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

import yaml
from flask import Flask, Response, request, session
from flask_appbuilder.const import AUTH_OAUTH
from sqlalchemy.orm import Query

sys.path.insert(0, str(Path(__file__).parent))

import connections  # beside this file, which is loaded by its path
import queries
from accounts import answer_refusals
from action_log import ActionLog
from guesses import limit_guesses
from links import export_addresses, link_applications, on_ports, origins
from pages import add_templates, failure
from request_limits import limit_post_processing, limit_requests
from security import SecurityManager
from wording import correct_wording


def _required(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise SystemExit(f"The setting {name} is absent. Run `make install`, which writes it to .env, or export it.")
    return value


_HOME = Path(_required("SUPERSET_HOME"))
_PALETTE = yaml.safe_load((Path(__file__).parents[1] / "bundle" / "palette.yaml").read_text(encoding="utf-8"))
_HTTPS = os.environ.get("CYBERIMPACT_SUPERSET_HTTPS") == "1"

# -- Identity and storage

APP_NAME = "cyberimpact"
SECRET_KEY = _required("SUPERSET_SECRET_KEY")
GUEST_TOKEN_JWT_SECRET = SECRET_KEY
GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
SQLALCHEMY_DATABASE_URI = os.environ.get("CYBERIMPACT_SUPERSET_METADATA_URI") or f"sqlite:///{_HOME / 'superset.db'}"
# No value of a statement in a message: it may be a secret.
SQLALCHEMY_ENGINE_OPTIONS: dict[str, object] = {"hide_parameters": True}
if SQLALCHEMY_DATABASE_URI.startswith("sqlite:"):
    # The threads share one SQLite file: a writer waits for the other instead of failing.
    SQLALCHEMY_ENGINE_OPTIONS["connect_args"] = {"check_same_thread": False, "timeout": 30}
EVENT_LOGGER = ActionLog()

# -- Language and formats

BABEL_DEFAULT_LOCALE = "fr"
LANGUAGES = {"fr": {"flag": "fr", "name": "Français"}, "en": {"flag": "gb", "name": "English"}}
D3_FORMAT = {"decimal": ",", "thousands": "\u202f", "grouping": [3], "currency": ["", "\u00a0€"], "percent": "\u00a0%"}
D3_TIME_FORMAT = {
    "dateTime": "%A %e %B %Y à %X",
    "date": "%d/%m/%Y",
    "time": "%H:%M:%S",
    "periods": ["", ""],
    "days": ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
    "shortDays": ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
    "months": [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    "shortMonths": ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
}
CURRENCIES = ["EUR"]

# -- Look: the State's design system through the theme of Superset

_WORDMARK = "data:image/svg+xml," + quote(
    f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 170 30'><text x='0' y='22' font-family='Arial, sans-serif' "
    f"font-size='22' font-weight='bold' fill='{_PALETTE['brand']}'>cyberimpact</text></svg>"
)
THEME_DEFAULT = {
    "algorithm": "default",
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": "cyberimpact",
        "brandLogoUrl": _WORDMARK,
        "brandLogoHref": "/",
        "brandLogoHeight": "24px",
        "brandLogoMargin": "18px 0",
        "colorPrimary": _PALETTE["brand"],
        "colorPrimaryHover": _PALETTE["brand_hover"],
        "colorLink": _PALETTE["brand"],
        "colorSuccess": _PALETTE["success"],
        "colorWarning": _PALETTE["warning"],
        "colorError": _PALETTE["error"],
        "colorInfo": _PALETTE["info"],
        "colorText": _PALETTE["text"],
        "colorTextSecondary": _PALETTE["text_secondary"],
        "colorBorder": _PALETTE["border"],
        "colorBgLayout": _PALETTE["background"],
        "colorBgContainer": _PALETTE["surface"],
        "borderRadius": 2,
        "fontUrls": [],
        "fontFamily": "Marianne, Inter, Arial, sans-serif",
        "fontFamilyCode": "'Courier New', monospace",
        "fontSizeXS": "8",
        "fontSizeXXL": "28",
        "fontWeightLight": "300",
        "fontWeightNormal": "400",
        "fontWeightStrong": "500",
        "fontWeightBold": "700",
        "transitionTiming": 0.3,
        "brandIconMaxWidth": 37,
        "colorEditorSelection": "#f5f5fe",
    },
    # The buttons « Tout » and « Inverse » take the place of the legend itself, which then has pages.
    "echartsOptionsOverridesByChartType": {
        kind: {"legend": {"selector": False}}
        for kind in ("echarts_timeseries_bar", "echarts_timeseries_line", "mixed_timeseries")
    },
}
THEME_DARK = None  # one look for all: the contrasts are checked for this one
ENABLE_UI_THEME_ADMINISTRATION = False
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "cyberimpact",
        "label": "cyberimpact",
        "description": "Séries sans signification propre",
        "isDefault": True,
        "colors": _PALETTE["categorical"],
    }
]
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "cyberimpact_sequentiel",
        "label": "cyberimpact, du moins au plus",
        "description": "Cartes et cartes de chaleur",
        "isDiverging": False,
        "isDefault": True,
        "colors": _PALETTE["sequential"],
    },
    {
        "id": "cyberimpact_classes",
        "label": "cyberimpact, cinq classes",
        "description": "Cartes en classes",
        "isDiverging": False,
        "isDefault": False,
        "colors": _PALETTE["classes"],
    },
]

# -- Who may come in, and what a browser may do for them

# A page of another site may call itself by a name of its own that leads to this server.
LOOPBACK = ("127.0.0.1", "localhost")
TRUSTED_HOSTS = [*LOOPBACK]
if _host := urlsplit(os.environ.get("CYBERIMPACT_SUPERSET_URL", "")).hostname:
    TRUSTED_HOSTS.append(_host)
_PAGES = origins("WEB", TRUSTED_HOSTS)
# Where a login may lead: to this server, on loopback too if it has a public address, and to the pages.
FAB_SAFE_REDIRECT_HOSTS = [
    urlsplit(origin).netloc for origin in (*on_ports("SUPERSET", LOOPBACK), *origins("SUPERSET", LOOPBACK), *_PAGES)
]
CUSTOM_SECURITY_MANAGER = SecurityManager
_ISSUER = os.environ.get("CYBERIMPACT_OIDC_ISSUER", "").rstrip("/")
if _ISSUER:
    AUTH_TYPE = AUTH_OAUTH
    AUTH_API_LOGIN_ALLOW_MULTIPLE_PROVIDERS = True  # the platform's own account applies the bundle with its password
    OAUTH_PROVIDERS = [
        {
            "name": "proconnect",
            "icon": "fa-id-card",
            "token_key": "access_token",
            "remote_app": {
                "client_id": _required("CYBERIMPACT_OIDC_CLIENT_ID"),
                "client_secret": _required("CYBERIMPACT_OIDC_CLIENT_SECRET"),
                "server_metadata_url": f"{_ISSUER}/.well-known/openid-configuration",
                "authorize_params": {"acr_values": "eidas1"},
                "client_kwargs": {
                    "scope": os.environ.get("CYBERIMPACT_OIDC_SCOPES")
                    or "openid given_name usual_name email organizational_unit",
                    "code_challenge_method": "S256",
                },
            },
        }
    ]
FAB_ADD_SECURITY_API = True
AUTH_ROLE_PUBLIC = "Public"
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False
ENABLE_PROXY_FIX = _HTTPS
# What the proxy writes; it passes the others on as a client has sent them.
PROXY_FIX_CONFIG = {"x_for": 1, "x_proto": 1, "x_host": 0, "x_port": 0, "x_prefix": 0}
PERMANENT_SESSION_LIFETIME = timedelta(minutes=int(os.environ.get("CYBERIMPACT_SUPERSET_SESSION_MINUTES") or 60))
SESSION_COOKIE_PATH = "/"  # the pages and Dagster, on other ports or paths of the host, read it too
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
WTF_CSRF_TIME_LIMIT = int(PERMANENT_SESSION_LIFETIME.total_seconds())
ENABLE_CORS = False
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = "memory://"
RATELIMIT_APPLICATION = "400 per second"  # the first page of a session fetches dozens of script files at once
AUTH_RATE_LIMITED = False  # Superset 6.1 puts this limit on a view that takes no password; ours is below
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "frame-ancestors": ["'self'"],
        # Chromium holds the redirect after the form of a login to it, too.
        "form-action": ["'self'", *_PAGES, *origins("DAGSTER", TRUSTED_HOSTS)],
        # The styles of the interface are made in the browser, hence inline.
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,  # the proxy does it
    "session_cookie_secure": _HTTPS,
    "strict_transport_security": _HTTPS,
}


def FLASK_APP_MUTATOR(app: Flask) -> None:  # noqa: N802 - the name of the setting
    """Make passwords slow to guess, refuse in words, end sessions that nobody uses, and speak French."""
    limit_guesses(app)
    limit_requests(app)
    limit_post_processing()
    export_addresses()
    answer_refusals(app)
    link_applications(app)
    correct_wording(app)
    add_templates(app)
    queries.install(connections.rights.current().bundle.renamed)

    @app.before_request
    def renew_session() -> None:
        # The lifetime then runs from the last click; Superset's own sessions end that long after the login. An answer
        # to somebody who is not logged in sets no cookie: it may arrive after that of the login, and would replace it.
        if "_user_id" in session:
            session.permanent = True

    @app.before_request
    def ignore_log_of_nobody() -> Response | None:
        # The page of the login logs itself while somebody logs in, and the refusal of Superset sets a cookie.
        if request.path == "/superset/log/" and "_user_id" not in session:
            return Response(status=HTTPStatus.NO_CONTENT)
        return None

    @app.after_request
    def fail_in_french(response: Response) -> Response:
        # Superset's own pages of an error are files in English that ask Google for a font.
        if response.mimetype == "text/html" and (page := failure(response.status_code)):
            response.direct_passthrough = False
            response.set_data(page)
            response.headers.pop("ETag", None)
        return response

    @app.after_request
    def name_language(response: Response) -> Response:
        # Superset's pages name none, and a screen reader would take its voice from the machine.
        if response.mimetype == "text/html" and not response.direct_passthrough:
            response.set_data(response.get_data().replace(b"<html>", b'<html lang="fr">', 1))
        return response


def _themselves(query: Query) -> Query:
    """Keep of the accounts that a list offers the reader's own, unless the reader may list accounts."""
    from flask import g
    from flask_appbuilder.security.sqla.models import User

    from superset import security_manager

    if security_manager.can_access("menu_access", "List Users"):
        return query
    return query.filter(User.id == g.user.id)


EXTRA_RELATED_QUERY_FILTERS = {"user": _themselves}
# It draws other charts by their numbers, and shows their definitions to whoever asks.
VIZ_TYPE_DENYLIST = ["deck_multi"]

# -- Which file a query opens, and which process executes it: `sql_guard` says there what may run

DB_CONNECTION_MUTATOR = connections.choose

# -- What a query may do, and how much of it

FEATURE_FLAGS = {
    "ALERT_REPORTS": False,  # digests are a Dagster job
    "CSS_TEMPLATES": False,
    "DASHBOARD_RBAC": True,
    "DRILL_BY": True,
    "EMBEDDABLE_CHARTS": False,
    "EMBEDDED_SUPERSET": False,
    "ENABLE_JAVASCRIPT_CONTROLS": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
    "RLS_IN_SQLLAB": True,
    "TAGGING_SYSTEM": False,
}
ROW_LIMIT = 10_000
SAMPLES_ROW_LIMIT = 100
NATIVE_FILTER_DEFAULT_ROW_LIMIT = 1_000
FILTER_SELECT_ROW_LIMIT = 1_000
SQL_MAX_ROW = 100_000
TABLE_VIZ_MAX_ROW_SERVER = 100_000
DISPLAY_MAX_ROW = 10_000
DEFAULT_SQLLAB_LIMIT = 1_000
SQLLAB_TIMEOUT = queries.SQL_LAB_SECONDS
SUPERSET_WEBSERVER_TIMEOUT = queries.SQL_LAB_SECONDS + 10  # the browser waits a little longer than the server
SQLLAB_CTAS_NO_LIMIT = False
DATASET_IMPORT_ALLOWED_DATA_URLS: list[str] = []

# -- Cache: answers live until the next publication, which invalidates them, or the next start, which forgets them

# One configuration for both: Superset's invalidation deletes from the first the keys that it wrote to the second. It
# stops at the first key that has expired, unless errors are ignored.
CACHE_CONFIG = {
    "CACHE_TYPE": "FileSystemCache",
    "CACHE_DIR": str(_HOME / "cache"),
    "CACHE_THRESHOLD": 20_000,
    "CACHE_DEFAULT_TIMEOUT": int(timedelta(days=1).total_seconds()),
    "CACHE_KEY_PREFIX": "superset_",
    "CACHE_IGNORE_ERRORS": True,
}
DATA_CACHE_CONFIG = CACHE_CONFIG
STORE_CACHE_KEYS_IN_METADATA_DB = True

# -- The rest of the interface

WELCOME_PAGE_LAST_TAB = "all"
CONTENT_SECURITY_POLICY_WARNING = False
TALISMAN_DEV_CONFIG = TALISMAN_CONFIG
LOG_LEVEL = "INFO"
