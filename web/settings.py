"""Django's settings, from those of the platform.

A user's session is Superset's (`web.identity`), so Django keeps none; what its key signs does not outlive the process.
"""

import secrets

from core import settings
from operations.database import databases

ROOT_URLCONF = "web.urls"
WSGI_APPLICATION = "web.wsgi.application"
ALLOWED_HOSTS = settings.trusted_hosts(settings.web_url())
DEBUG = False
SECRET_KEY = secrets.token_hex(32)

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "widget_tweaks",
    "dsfr",
    "django.forms",  # after the design system, whose templates of widgets come first
    "django_htmx",
    "operations",
    "web.apps.Web",
]
DATABASES = databases()
MIDDLEWARE = [
    "web.middleware.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "web.middleware.Limits",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "web.middleware.Failures",
    "web.access.Access",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "web.context.page"],
            "builtins": ["web.templatetags.french"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

LANGUAGE_CODE = "fr"
TIME_ZONE = "Europe/Paris"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

# -- Cookies belong to a host, whatever the port: the names are not those of Superset.

IS_HTTPS = settings.web_url().startswith("https:")
CSRF_COOKIE_NAME = "cyberimpact_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_TRUSTED_ORIGINS = [settings.web_url()]
CSRF_FAILURE_VIEW = "web.failures.csrf"
# The proxy of a deployment ends HTTPS and says so.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None

# -- Static files: named by their hash, compressed once, kept by browsers for good

STATIC_URL = "static/"
STATIC_ROOT = settings.home().run / "static"
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# -- Uploads: a file of a platform is read from a file on disk, never held in memory

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_TEMP_DIR = settings.home().uploads

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"pathless": {"()": "web.failures.Pathless"}},
    "formatters": {"line": {"()": "core.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # A path can hold the signature of a link: it is written down nowhere.
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["pathless"]},
        "django.security": {"level": "CRITICAL"},
    },
}
