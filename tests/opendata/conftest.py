"""A published copy of few people, and a list of two datasets that somebody signed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signing
from core.settings import Home
from opendata import declaration
from tests.handmade import write_copy

#: Experiences of three regions: in Alsace 3 and 40, in Gironde 12, abroad 6; 2025 has no other. Half have an answer.
COUNTS = {
    2024: {"FR-67": 3, "FR-68": 40, "FR-33": 12, "FR-40": 25, "XX": 6, "ZZ": 1},
    2025: {"FR-67": 20, "FR-68": 30, "FR-33": 50, "FR-40": 9, "XX": 8, "ZZ": 7},
}
PLACES = {"FR-67": "FR-GES", "FR-68": "FR-GES", "FR-33": "FR-NAQ", "FR-40": "FR-NAQ"}
LEVELS = {"XX": "abroad", "ZZ": "unknown"}

LIST = """
publisher: Gendarmerie nationale
contact: https://example.org/contact
landing_page: https://example.org/datasets/{slug}
licence: lov2
datasets:
  - slug: experiences
    title: Expériences
    description: Des expériences.
    keywords: [usagers]
    frequency: annual
    kpis: [experiences, answer_rate]
    period_types: [year]
  - slug: abonnes
    title: Abonnés
    description: Des abonnés.
    keywords: [comptes]
    frequency: annual
    kpis: [followers]
    period_types: [year]
    unprotected: Chaque compte affiche son nombre d'abonnés.
"""


def cells(year: int) -> list[tuple[str, str, int, int]]:
    """Return level, territory, people and answers of every row of a year: half of each place's people."""
    leaves = {place: (count, count // 2) for place, count in COUNTS[year].items()}
    found = [(LEVELS.get(place, "departement"), place, *counts) for place, counts in leaves.items()]
    for region in dict.fromkeys(PLACES.values()):
        inside = [counts for place, counts in leaves.items() if PLACES.get(place) == region]
        found.append(("region", region, *map(sum, zip(*inside, strict=True))))
    return [*found, ("nation", "FR", *map(sum, zip(*leaves.values(), strict=True)))]


def statements() -> str:
    """Return the SQL of the copy."""
    rows = []
    for year in COUNTS:
        for level, place, count, answers in cells(year):
            where = f"'year', date '{year}-01-01', '{level}', '{place}', 'total', 'total'"
            rows.append(f"('experiences', {where}, {count}, null, {count}, {count}, false)")
            rows.append(f"('answer_rate', {where}, {answers}, {count}, {answers / count:.6f}, {count}, false)")
            rows.append(f"('followers', {where}, {count}, null, {count}, {count}, false)")
    rows.append("('victims', 'year', date '2025-01-01', 'nation', 'FR', 'total', 'total', 9, null, 9, 9, false)")
    departements = ", ".join(f"('{place}', 'departement', '{region}')" for place, region in PLACES.items())
    return f"""
        create schema kpi; create schema reference; create schema audit;
        create table audit.publication as select 'p-1' as publication_id,
            timestamptz '2026-11-25 03:00:00+00' as published_at, date '2026-11-24' as data_as_of;
        create table reference.dim_territory as select * from (values {departements})
            as t (territory_code, territory_level, region_code);
        create table kpi.kpi_catalogue as select * from (values
            ('experiences', 'Expériences', 'nombre', 'Compte.', 'Somme.', 'public', 'numerator'),
            ('answer_rate', 'Taux de réponse', 'part', 'Part.', 'Réponses / expériences.', 'public', 'denominator'),
            ('followers', 'Abonnés', 'nombre', 'Compte.', 'Somme.', 'public', 'numerator'),
            ('victims', 'Victimes', 'nombre', 'Compte.', 'Somme.', 'internal', 'numerator')
        ) as t (kpi_code, label, unit, definition, formula, sensitivity, observed_figure);
        create table kpi.kpi_value as select kpi_code, period_type, period_start, territory_level, territory_code,
            breakdown_dimension, breakdown_value, cast(numerator as decimal(38, 6)) as numerator,
            cast(denominator as decimal(38, 6)) as denominator, cast(value as decimal(18, 6)) as value,
            cast(observations as bigint) as observations, is_suppressed
        from (values {", ".join(rows)}) as t (kpi_code, period_type, period_start, territory_level, territory_code,
            breakdown_dimension, breakdown_value, numerator, denominator, value, observations, is_suppressed);
    """


@pytest.fixture
def signer() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def declared(home: Home, signer: Ed25519PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with the copy and the signed list."""
    monkeypatch.delenv(signing.SETTING, raising=False)
    monkeypatch.setenv(signing.SETTING, signing.seed_of(Ed25519PrivateKey.generate()))
    write_copy(home, statements())
    home.config.mkdir(parents=True)
    (home.config / "opendata.yml").write_text(LIST, encoding="utf-8")
    keys = tmp_path / "signers.pem"
    keys.write_text(signing.pem(signer.public_key()))
    monkeypatch.setenv(declaration.SIGNERS_SETTING, str(keys))
    declaration.sign(home, signer, "Chef du bureau des données", datetime(2026, 11, 28, tzinfo=UTC))
    return home
