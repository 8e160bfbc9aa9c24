"""Those of the pages, with one page more."""

from web.settings import *  # noqa: F403

ROOT_URLCONF = "tests.web.with_form.urls"
