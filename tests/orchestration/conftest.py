"""Dagster's storage: the files of a home, and a PostgreSQL server."""

from collections.abc import Iterator

import psycopg
import pytest

from tests import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    with postgres.serving() as address:
        yield address


@pytest.fixture
def dagster_database(postgres_server: postgres.Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database of the server, named by the setting."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("drop database if exists dagster with (force)")
        connection.execute("create database dagster")
    address = f"{postgres_server.rpartition('/')[0]}/dagster"
    monkeypatch.setenv("CYBERIMPACT_DAGSTER_DATABASE", address)
    return address
