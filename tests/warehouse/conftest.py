"""Fixtures of the tests of the warehouse."""

from tests.saved import live_home  # noqa: F401
