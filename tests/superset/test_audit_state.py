"""The first table of Audit over a copy made by hand: what it says of sound figures, and of what is to be looked at."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.superset.conftest import BUNDLE

QUERY = (BUNDLE / "datasets" / "audit_state.sql").read_text(encoding="utf-8")
SOUND = """
    create schema audit; create schema kpi;
    create table audit.publication as
        select
            timestamptz '2026-01-11 05:30:00+00' as published_at, date '2026-01-10' as data_as_of,
            'abc' as code_version;
    create table audit.freshness as select 'jdma' as platform, 'Je donne mon avis' as title, false as is_late;
    create table audit.check_result as select 'c1' as unique_id, 'test' as kind, 'pass' as status
        union all select 'm1', 'model', 'success';
    create table kpi.kpi_catalogue as select 'visits' as kpi_code, 'Visites' as label, false as is_held_back;
    create table audit.platform_load as
        select timezone('UTC', now()) as finished_at, 12000 as rows_read, 0 as rows_quarantined;
    create table audit.kpi_ledger as select 1 as publication, 'added' as change, 'visits' as kpi_code;
    create table audit.access_day (account text, times bigint);
    create table audit.act (act_id text);
"""
TROUBLED = """
    insert into audit.freshness values ('partoo', 'Partoo', true);
    insert into audit.check_result values ('c2', 'test', 'warn'), ('c3', 'test', 'fail');
    insert into kpi.kpi_catalogue values ('followers', 'Abonnés', true);
    insert into audit.platform_load values
        (timezone('UTC', now()), 8, 3), (timezone('UTC', now()) - interval 40 day, 100, 100);
    insert into audit.kpi_ledger values (2, 'changed', 'visits'), (2, 'changed', 'visits'), (2, 'removed', 'visits');
    insert into audit.access_day values ('c_1', 4), ('c_2', 1);
    insert into audit.act values ('a1');
"""


@pytest.fixture
def copy() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Tokyo'")  # hours are those of Paris, wherever the server stands
        connection.execute(SOUND)
        yield connection


def answers(copy: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    rows = copy.execute(f"select question, state, answer from ({QUERY}) order by rank").fetchall()
    return {question: (state, answer) for question, state, answer in rows}


def test_sound_figures_are_ticked(copy):
    said = answers(copy)
    assert said["Publication"][1].startswith(
        "Publiée le 11/01/2026 à 06 h 30, données arrêtées au 10/01/2026, code abc."
    )
    assert said["Sources"] == ("✔ à jour", "À jour : 1 sur 1 à la publication.")
    assert said["Contrôles"] == ("✔ réussis", "Réussis : 1, signalés : 0, échoués : 0, à la dernière construction.")
    assert said["Indicateurs retenus"] == ("✔ aucun", "Montrent leurs dernières valeurs : 1 sur 1.")
    assert said["Lignes écartées"] == ("✔ aucune", "Écartées : 0 sur 12 000 lues en 31 jours.")
    assert said["Valeurs modifiées"] == ("✔ aucune", "Après affichage : modifiées 0 ; retirées 0 ; publications 1.")


def test_what_is_to_be_looked_at_is_named(copy):
    copy.execute(TROUBLED)
    said = answers(copy)
    assert {state for state, _ in list(said.values())[1:-1]} == {"▲ à regarder"}
    late = "À jour : 1 sur 2 à la publication ; en retard ou jamais chargées : Partoo."
    assert said["Sources"][1] == late
    assert said["Contrôles"][1] == "Réussis : 1, signalés : 1, échoués : 1, à la dernière construction."
    assert said["Indicateurs retenus"][1] == "Gardent leurs valeurs d'avant : Abonnés."
    assert said["Lignes écartées"][1] == "Écartées : 3 sur 12 008 lues en 31 jours."
    assert said["Valeurs modifiées"][1] == "Après affichage : modifiées 2 ; retirées 1 ; publications 2."
    assert said["Consultations"][1].startswith("Consultations ou exports : 5 ; comptes : 2 ; actes : 1")
