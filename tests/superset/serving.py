"""A published copy that the real loader, dbt project and publisher make, completed by hand."""

import csv
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audit import publication_metadata
from core.settings import Home
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import load
from tests.dbt import raw
from warehouse import dbt_project
from warehouse.publication import exposed_relations, former_names, publish
from warehouse.published import LIVE

TODAY = date(2025, 10, 20)
#: Structures that the rows name: kind, name, share of the rows; the two first are the Gendarmerie's.
STRUCTURES = (
    ("Brigade de gendarmerie", "Brigade de gendarmerie de Sainte-Foy", 0.25),
    ("Unité Numérique", "Brigade numérique", 0.25),
    ("Caisse d'allocations familiales", "CAF de la Gironde", 0.3),
    ("Préfecture", "Préfecture du Rhône", 0.2),
)
DEPARTEMENTS = ("33", "69", "35", "29", "59", "13", "75", "2A", "974", "971", "67", "44")
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")
FEELINGS = ("Positif", "Neutre", "Négatif")
#: What is written, by feeling: of different themes, so that complaints have words of their own.
TEXTS = {
    "Positif": ("Accueil parfait, merci aux gendarmes.", "Gendarmes aimables et à l'écoute."),
    "Neutre": ("Quels sont les horaires du guichet ?", "Je voudrais savoir comment suivre mon dossier."),
    "Négatif": (
        "Deux heures d'attente au guichet pour rien.",
        "Personne ne répond au téléphone de la brigade.",
        "Refus de prendre ma plainte, inadmissible.",
    ),
}

#: Parts of the KPIs that the rows above do not feed, by dimension, as the models name them.
PARTS = {
    "age_class": ("15 à 24 ans", "25 à 34 ans"),
    "audience": ("Jeunes", "Seniors"),
    "channel": ("En présence", "Réseaux sociaux"),
    "category": ("demande_info", "victime"),
    "device": ("mobile", "ordinateur"),
    "handover": ("Plainte", "Tchat"),
    "listing_action": ("appel", "itinéraire"),
    "network": ("x", "press"),
    "outcome": ("envoyée", "abandonnée"),
    "person_type": ("physique", "morale"),
    "platform": ("jdma", "partoo"),
    "publisher": ("bing", "waze"),
    "service": ("Brigade numérique", "Pré-plainte en ligne"),
    "site": ("gendarmerie.interieur.gouv.fr", "service-public.fr"),
    "targeted_kpi": ("Pré-plaintes en ligne", "Victimes assistées"),
    "theme": ("Cambriolages", "Hameçonnage"),
    "threat": ("Hameçonnage", "Rançongiciel"),
    "traffic_source": ("accès direct", "réseaux sociaux"),
    "verbatim_theme": ("accueil", "attente_delai"),
    "victim_type": ("Particuliers", "Entreprises et associations"),
    "weekday_hour": ("lundi 08 h", "dimanche 19 h"),
}
#: Periods of the rows made by hand: the last one of each type is over at TODAY.
PERIODS = {
    "day": (date(2025, 10, 18), date(2025, 10, 19)),
    "month": (date(2025, 7, 1), date(2025, 8, 1), date(2025, 9, 1)),
    "quarter": (date(2025, 4, 1), date(2025, 7, 1)),
    "year": (date(2024, 1, 1), date(2025, 1, 1)),
}
PLACES = {"nation": "FR", "region": "FR-NAQ", "departement": "FR-33"}

Row = Mapping[str, object]

#: Values of the tables about a publication, by column or else by type.
TOLD = {"status": "'warn'", "change": "'changed'", "kpi_code": "'answer_rate'"}
MADE = {
    "bigint": "1", "varchar": "'fait à la main'", "boolean": "false", "date": "date '2025-10-19'",
    "timestamp": "timestamp '2025-10-19 05:00:00'", "double": "1.5", "integer": "1", "string": "'fait à la main'",
}  # fmt: skip


#: Values of the live copy, by column, or else by type as above: one open signal, one closed.
HEARD = {
    "topic_label": "'Toutes les mentions'", "territory_label": "'France entière'", "territory_code": "'FR'",
    "signal_id": "'1'", "status": "'open'", "severity": "3", "built_at": "timezone('UTC', now())",
    "data_until": "timezone('UTC', now())", "counted": "12", "expected": "20",
}  # fmt: skip
CALMED = """
    insert into signals.live_signal by name
    select * replace ('2' as signal_id, 'closed' as status, opened_at + interval 2 hours as closed_at)
    from signals.live_signal
"""

READINGS = """
    insert into kpi.rpt_kpi by name
    select
        made.code as kpi_code, made.type as period_type, made.start as period_start, made.level as territory_level,
        made.place as territory_code, made.dimension as breakdown_dimension, made.part as breakdown_value,
        case when not hidden then n end as numerator, case when not hidden then 4 * n end as denominator,
        case when not hidden then n end as value, case when not hidden then n end as observations,
        hidden as is_suppressed, false as is_small,
        case when made.level = 'departement' and not hidden then 1 end as map_class,
        case when made.level = 'departement' and not hidden then 'de 1 à 20' end as map_class_label,
        case when not hidden then 'au-dessus' end as usual_position,
        catalogue.label as kpi_label, catalogue.pillar, catalogue.unit, catalogue.direction, catalogue.target,
        territory_name, map_code, region_code, period_label, previous_period_start, n as previous_value,
        made.part as breakdown_label, case when hidden then 'secret statistique' else n::text end as value_label,
        n::text as previous_value_label, last_day <= date '2025-10-20' as is_complete,
        made.start = max(made.start) over (partition by made.code, made.type) as is_latest,
        made.dimension = 'total' as is_headline,
        case when made.level <> 'nation' and not hidden then n + 1 end as peer_median,
        case when made.level <> 'nation' and not hidden then (n + 1)::text else '–' end as peer_median_label,
        case when made.level <> 'nation' and not hidden then 2 end as peer_rank,
        case when made.level <> 'nation' and not hidden then 9 end as peer_count,
        '/chiffre/' || made.code || '/2025-09/' || made.place || '?ventilation=scope%3Dl%27aide' as page_path
    from (
        select
            *,
            code = 'victims_assisted' and type = 'month' and place = 'FR-33' and start = date '2025-09-01' as hidden
        from made
    ) as made
    inner join kpi.kpi_catalogue as catalogue on made.code = catalogue.kpi_code
    inner join reference.dim_territory as territories on made.place = territories.territory_code
    inner join reference.dim_period as periods on made.type = periods.period_type and made.start = periods.period_start
"""
#: A few départements have no classes: the test gives them one.
CLASSES = """
    update kpi.rpt_kpi set map_class = 1, map_class_label = 'de 1 à 20'
    where period_type = 'year' and territory_level = 'departement' and value is not null and map_class is null
"""
GOOGLE_REVIEWS = """
    insert into perception.fct_google_review by name
    select
        'review ' || age as review_id, 'b' as business_id, 'FR-33' as territory_code, written_on,
        written_on::timestamp as written_at, 2 as rating, false as has_text, false as is_answered,
        age as unanswered_age, 'load' as source_load_id
    from (
        values (date '2025-10-18', 'moins de 7 jours'), (date '2025-05-01', 'plus de 30 jours')
    ) as made (written_on, age);
    insert into perception.fct_google_review_count by name
    select
        code as territory_code, name as territory_name, reviews.written_on, 2 as rating, false as is_answered,
        reviews.unanswered_age, 1 as reviews
    from perception.fct_google_review as reviews
    cross join (values ('FR-33', 'Gironde'), ('FR-NAQ', 'Nouvelle-Aquitaine'), ('FR', 'France')) as places (code, name)
"""
#: A vigilance that holds while the tests run.
ALERTS = """
    insert into signals.fct_official_alert by name
    select
        'crue' as alert_id, 'vigicrues' as source, 'orange' as vigilance_level, 3 as level_rank, 'crue' as phenomenon,
        'FR-33' as territory_code, 'Gironde' as territory_name, timezone('UTC', now()) as valid_from,
        timezone('UTC', now()) + interval 2 days as valid_until, timezone('UTC', now()) as issued_at,
        'Vigilance orange crues' as title, 'load' as source_load_id
"""
#: An effect that was measured, one that was not, and the twelve months of a département beside that of a region.
EFFECTS = """
    insert into impact.fct_action_effect by name
    select
        id || '|pre_complaints' as effect_key, id as action_id, date '2025-07-01' as started_on,
        date '2025-07-01' as ended_on, 'FR-33' as territory_code, 'Gironde' as territory_name, false as is_nationwide,
        'Action de prévention' as action_kind, 'prevention_actions' as platform, 'Cambriolages' as theme,
        'pre_complaints' as kpi_code, 'Pré-plaintes en ligne' as kpi_label,
        id || ' – Pré-plaintes en ligne' as effect_name, measured as is_measured, false as is_share,
        true as is_proposed, case when measured then 'possible' else 'on ne peut pas conclure' end as certainty,
        'Effet possible : baisse, −40 %, entre −60 % et −5 %.' as sentence,
        case when not measured then 'L''historique est trop court.' end as refusal,
        case when not measured then 'Chargez un historique plus ancien.' end as remedy,
        case when measured then 12 end as counted, case when measured then 20 end as expected,
        case when measured then 0.6 end as ratio, case when measured then 80 end as donors
    from (values ('A1', true), ('A2', false)) as made (id, measured);
    insert into impact.fct_action_effect_period by name
    select
        'A1|pre_complaints' as effect_key, 'A1' as action_id, 'FR-33' as territory_code, 'pre_complaints' as kpi_code,
        'Pré-plaintes en ligne' as kpi_label, 'week' as period_type, date '2025-06-16' + 7 * i::int as period_start,
        i >= 2 as is_after, 5 as counted, 5 + i as expected, case when i >= 2 then 4 end as band_low,
        case when i >= 2 then 9 end as band_high, -i as effect, case when i >= 2 then 1 - i end as effect_so_far
    from range(6) as made (i);
    delete from impact.fct_means_needs;
    insert into impact.fct_means_needs by name
    select
        territory_code, territory_level, territory_name, map_code, date '2025-09-01' as month_start,
        'septembre 2025' as month_label, true as is_latest, 'hors vacances' as season, population, 4 as units,
        false as victims_are_hidden, 0 as unanswered, 1.5 as hours_per_10k, 2.5 as pre_complaints_per_10k, 8 as peers,
        0.8 as means_index, 1.2 as needs_index, 'besoins forts, moyens faibles' as quadrant
    from reference.dim_territory where territory_code in ('FR-33', 'FR-69', 'GN-NAQ');
"""


def experiences(number: int = 900, seed: int = 7) -> Iterator[Row]:
    """Yield experiences as the platform delivers them, over eighteen months; the same for the same seed."""
    dice = random.Random(seed)
    for index in range(number):
        published = TODAY - timedelta(days=dice.randrange(540))
        typology, structure, _ = dice.choices(STRUCTURES, weights=[share for *_, share in STRUCTURES])[0]
        answered = dice.random() < 0.8
        abroad = dice.random() < 0.05
        feeling = dice.choices(FEELINGS, weights=[5, 2, 3])[0]
        yield {
            "id_experience": f"{100_000 + index}",
            "etat_experience": "Traitée" if answered else "A traiter",
            "statut_experience": "Expérience avec réponse" if answered else "Expérience en attente de réponse",
            "date_de_publication": published.isoformat(),
            "date_de_premiere_reponse": (published + timedelta(days=dice.randrange(40))).isoformat()
            if answered
            else "",
            "ressenti_usager": feeling,
            "description": TEXTS[feeling][index % len(TEXTS[feeling])],
            "code_departement_usager": "" if abroad else dice.choice(DEPARTEMENTS),
            "pays": "Belgique" if abroad else "France",
            "typologie_1": typology,
            "intitule_structure_1": structure,
            **{theme: dice.choices((*FEELINGS, ""), weights=[4, 2, 3, 4])[0] for theme in THEMES},
        }


def build(home: Home, rows: Iterable[Row]) -> Path:
    """Load, build and publish a copy in a home of its own, and return the manifest that it was built with."""
    home.root.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYBERIMPACT_HOME", str(home.root))
        load("services_publics_plus", file=write(home.root / "export.csv", list(rows)))
        collect_loads()
        manifest = dbt_project.manifest()
        raw.create_empty()
        assert dbt_project.run("--quiet", "build", "--exclude-resource-type", "unit_test") == 0
        content = json.loads(manifest.read_text(encoding="utf-8"))
        published = publish(home, exposed_relations(content), former=former_names(content)).file
    complete(published, [node["config"]["meta"] for node in content["nodes"].values()])
    fill(published, publication_metadata.declared(content))
    listen(home, content)
    return manifest


def fill(published: Path, tables: Mapping[str, publication_metadata.Table]) -> None:
    """Add by hand a row of each table that a publication of the ledger would have added."""
    with duckdb.connect(str(published)) as copy:
        for name, table in tables.items():
            values = ", ".join(
                f"{TOLD.get(column, MADE.get(kind, 'null'))}::{kind} as {column}"
                for column, kind in table.types.items()
            )
            copy.execute(f"create table if not exists audit.{name} as select {values}")
        copy.execute(
            "insert into audit.act by name select 'a-1' as act_id, cast(? as timestamp) as done_at,"
            " 'veille' as author_role, 'c_1' as account, 'verdict' as act_kind,"
            " 'signal' as object_kind, 's-1' as object_id, 'vu' as detail",
            [TODAY],
        )


def listen(home: Home, manifest: Mapping[str, Any]) -> None:
    """Publish by hand a live copy with one row of each table that the live target publishes."""
    folder = home.published / LIVE.target / "by hand"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / LIVE.file_name)) as copy:
        for node in dbt_project.exposed(manifest, LIVE.target):
            values = ", ".join(
                f"{HEARD.get(name, MADE.get(column['data_type'], 'null'))}::{column['data_type']} as {name}"
                for name, column in node["columns"].items()
            )
            copy.execute(f"create schema if not exists {node['schema']}")
            copy.execute(f"create table {node['schema']}.{node['name']} as select {values}")
        copy.execute(CALMED)
    folder.with_name("current").symlink_to(folder.name)


def complete(published: Path, metas: Iterable[Mapping[str, Any]]) -> None:
    """Give every KPI that Services Publics+ does not feed a few rows by hand, so that every chart has some.

    Loading sixteen platforms for the sake of pictures would take minutes. One value of victims is suppressed: that of
    the Gironde in the last month.
    """
    with duckdb.connect(str(published)) as copy:
        fed = {code for (code,) in copy.execute("select distinct kpi_code from kpi.rpt_kpi").fetchall()}
        rows = [
            row for meta in metas if "kpi" in meta and meta["kpi"]["code"] not in fed for row in readings(meta["kpi"])
        ]
        copy.execute(
            "create temp table made "
            "(code text, type text, start date, level text, place text, dimension text, part text, n bigint)"
        )
        copy.executemany("insert into made values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        copy.execute(READINGS)
        copy.execute(CLASSES)
        copy.execute(GOOGLE_REVIEWS)
        copy.execute(ALERTS)
        copy.execute(EFFECTS)


def readings(kpi: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield code, period, place, part and number of the rows that a KPI is given, as far as its grain goes."""
    grain = kpi["grain"]
    total_grain = {"dimension": "total", "period_types": grain["period_types"]}
    for breakdown in (total_grain, *grain.get("breakdowns", [])):
        parts = {**PARTS, "total": ("total",)}.get(breakdown["dimension"], ())
        levels = breakdown.get("territory_levels", grain["territory_levels"])
        for type_ in PERIODS.keys() & set(breakdown["period_types"]):
            for level in PLACES.keys() & set(levels):
                for start, part in product(PERIODS[type_], parts):
                    number = len(part) + start.month
                    yield kpi["code"], type_, start, level, PLACES[level], breakdown["dimension"], part, number


def write(file: Path, rows: list[Row]) -> Path:
    """Write rows as a CSV export of the platform."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return file
