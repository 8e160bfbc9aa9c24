"""Fixtures of the tests of the audit."""

from tests.saved import live_home  # noqa: F401
