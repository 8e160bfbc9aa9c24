"""Rules of the dbt project that dbt does not enforce, read from its manifest."""

import ast
import csv
import re
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analytics.impact.targets import mapping
from ingestion.connectors import ma_securite, prevention_actions
from tests.dbt.conftest import Built
from warehouse import staleness
from warehouse.dbt_project import PROJECT_DIR, meta, target_of

Node = dict[str, Any]

MODELS = PROJECT_DIR / "models"

WRITTEN_BY_DLT = {"_content_hash", "_dlt_load_id", "_dlt_id"}
PUBLISHED_SCHEMAS = {"impact", "kpi", "visibility", "perception", "actors", "reference", "signals", "audit"}
#: What `meta.kpi` must say, and the answers that are allowed where they are not free.
KPI_META = {
    "code": None,
    "pillar": {"visibility", "perception", "actors"},
    "label": None,
    "definition": None,
    "formula": None,
    "unit": {
        "nombre",
        "part",
        "jours",
        "secondes",
        "heures",
        "euros",
        "note sur 10",
        "note sur 5",
        "pour 10 000 habitants",
        "heures pour 10 000 habitants",
        "euros par personne",
        "par équivalent temps plein",
        "observé sur attendu",
        "par habitant",
    },
    "direction": {"up", "down", "neutral"},
    "target": None,
    "owner": None,
    "refresh": None,
    "sensitivity": {"public", "internal", "personal"},
    "territory_of": {"unit", "citizen", "account"},
    "is_additive": {True, False},
    "grain": None,
    "min_observations": None,
    "observed": None,
}
#: What it may say besides: which figure counts victims, that only the latest observation of an entity counts, and how
#: the interval of a value is computed.
KPI_META_OF_SOME = {
    "victims": {"numerator", "denominator"},
    "aggregation": {"latest"},
    "interval": {"wilson", "poisson"},
}
PREFIXES = {
    "staging": "stg_",
    "reference": ("dim_", "bridge_"),
    "marts": ("dim_", "fct_", "int_"),
    "live": "live_",
    "signals": ("fct_", "int_"),
    "kpi": ("kpi_", "rpt_"),
    "impact": ("int_", "fct_"),
    "audit": "",
}
KPI_COLUMNS = [
    "kpi_code",
    "period_type",
    "period_start",
    "territory_level",
    "territory_code",
    "breakdown_dimension",
    "breakdown_value",
    "numerator",
    "denominator",
    "value",
    "observations",
    "is_suppressed",
]


def models(built: Built) -> list[Node]:
    return [node for node in built.manifest["nodes"].values() if node["resource_type"] == "model"]


def kpis(built: Built) -> list[Node]:
    return [node for node in models(built) if "kpi" in node["config"]["meta"]]


def layer(node: Node) -> str:
    return node["fqn"][1]


def is_exposed(node: Node) -> bool:
    return node["config"]["meta"].get("exposed", False)


def test_everything_is_described(built: Built) -> None:
    nodes = [n for n in built.manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    undescribed = [
        f"{node['name']}.{column['name'] if column else ''}"
        for node in (*nodes, *built.manifest["sources"].values())
        for column in (None, *node["columns"].values())
        if not (column or node)["description"].strip()
    ]
    assert undescribed == []


def test_every_column_of_the_warehouse_is_declared_and_commented(built: Built) -> None:
    declared = {
        (node["schema"], node["name"], column)
        for node in built.manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and target_of(node) == "daily"
        for column in node["columns"]
    }
    schemas = "'staging', 'reference', 'visibility', 'perception', 'actors', 'signals', 'kpi', 'impact', 'audit'"
    found = built.rows(
        f"select schema_name, table_name, column_name, comment from duckdb_columns() where schema_name in ({schemas})"
    )
    # The tables of a build about itself are no models.
    found = [row for row in found if row[1] not in ("build_status", "build_fingerprint", "held_back")]
    assert {row[:3] for row in found} == declared
    assert [row for row in found if not row[3]] == []


def script(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sources_are_the_contracts_of_the_loaders() -> None:
    builder = script(PROJECT_DIR / "build_sources.py")
    written = {path: path.read_text(encoding="utf-8") for path in builder.STAGING.glob("*/_sources.yml")}
    expected = {path: builder.text(content) for path, content in builder.files().items()}
    assert written == expected, "run dbt_project/build_sources.py"


def test_exposures_are_the_dashboards_of_the_bundle() -> None:
    builder = script(PROJECT_DIR / "build_exposures.py")
    assert builder.EXPOSURES.read_text(encoding="utf-8") == builder.text(), "run dbt_project/build_exposures.py"


#: The sources that are no platform's raw tables.
OTHER_SOURCES = {
    "live_copy": "published by live",
    "daily_copy": "published by daily",
    "decisions": "decided by operators",
}


def test_a_model_that_reads_the_clock_says_when_time_has_made_it_another_one(built: Built) -> None:
    """Else it is built again by every build."""
    code = staleness.Code(built.manifest)
    clocked = [node for node in staleness.tracked(built.manifest).values() if code.reads_clock(node)]
    models = [node for node in clocked if node["resource_type"] != "test"]
    assert [node["name"] for node in models] == ["freshness"]
    condition = meta(models[0])[staleness.OUTDATED_WHEN]
    assert built.rows(f"select platform from audit.freshness where {condition}") == [], "it was built a moment ago"
    waited = condition.replace("now()", "now() + interval 10 year")
    never_late = built.rows("select count(platform) from audit.freshness where not is_late")
    assert built.rows(f"select count(platform) from audit.freshness where {waited}") == never_late


def test_python_models_read_no_other_setting_than_those_that_staleness_knows(built: Built) -> None:
    for model in models(built):
        if model["language"] == "python":
            read = re.findall(r"settings\.\w+(?:\(\)\.\w+)?|environ", model["raw_code"])
            assert set(read) <= {"settings.home().feeling_models"}, model["name"]


def test_layers_read_only_what_is_below_them(built: Built) -> None:
    allowed = {
        "staging": {"source"},
        "reference": {"seed", "staging", "reference"},
        "marts": {"seed", "staging", "reference", "marts", "published by live"},
        "live": {"seed", "staging", "live", "published by daily", "decided by operators"},
        "signals": {"seed", "staging", "reference", "marts", "signals", "decided by operators"},
        "kpi": {
            "seed",
            "reference",
            "marts",
            "kpi",
            "audit",
            "impact",
        },  # a reading says in words how fresh and what it is
        # Effects stand on KPIs, and two KPIs on effects: the models form no circle.
        "impact": {"seed", "staging", "reference", "marts", "kpi", "impact", "audit"},
        "audit": {"seed", "staging", "marts", "kpi", "reference"},
    }
    wrong = []
    for node in models(built):
        for parent in node["depends_on"]["nodes"]:
            kind = OTHER_SOURCES.get(parent.split(".")[2], parent.split(".")[0])
            below = layer(built.manifest["nodes"][parent]) if kind == "model" else kind
            if below not in allowed[layer(node)]:
                wrong.append(f"{node['name']} reads {parent}")
    assert wrong == []


def test_a_model_lives_where_its_name_says(built: Built) -> None:
    for node in models(built):
        path = Path(node["original_file_path"])
        assert (PROJECT_DIR / path).with_suffix(".yml").exists(), f"{node['name']} lacks its .yml"
        assert node["name"].startswith(PREFIXES[layer(node)]), node["name"]


def test_lineage_never_stops(built: Built) -> None:
    """`count(*)` and `columns()` name no column, so that a figure could not be traced to its records."""
    stops = re.compile(r"count\s*\(\s*\*?\s*\)|\bcolumns\s*\(", re.IGNORECASE)
    assert [
        n["name"]
        for n in models(built)
        if layer(n) in ("marts", "kpi") and n["language"] == "sql" and stops.search(n["compiled_code"])
    ] == []


#: Columns without upstream: what operators and the project declare, the daily copy, constants, ranks.
NO_COLUMN_BEHIND = {
    "fct_daily_anomaly": {"bin_minutes"},
    "fct_daily_threshold": {"bin_minutes", "alerts_per_series_week"},
    "live_action_effect": {"action_id", "kpi_code", "territory_code"},
    "live_detection": {"part", "rank", "baseline_window", "bin_minutes"},
    "live_threshold": {"bin_minutes", "alerts_per_series_week", "calibrated_on"},
    "int_text_topic": {"subject_kind"},
    "int_topic": {"part_of"},
    "live_topic": {"part_of"},
}


def test_python_models_say_what_their_columns_are_made_of(built: Built) -> None:
    untraced = {
        node["name"]: {name for name, column in node["columns"].items() if "made_of" not in column["config"]["meta"]}
        for node in models(built)
        if node["language"] == "python" and layer(node) in ("live", "signals")
    }
    assert {name: columns for name, columns in untraced.items() if columns} == NO_COLUMN_BEHIND


#: What a Python model may import: what it computes with. It reads tables by `dbt.ref` and `dbt.source`, and no file.
OF_MODELS = {"analytics", "core", "privacy", "duckdb", "numpy", "pyarrow", *sys.stdlib_module_names}
OPENING_MODULES = {"io", "os", "pathlib", "shutil", "socket", "sqlite3", "subprocess", "urllib"}
OPENING_CALLS = {"open", "connect", "attach", "read_csv", "read_json", "read_parquet", "read_text", "read_bytes"}
#: A table that is named with its catalog.
BY_HAND = re.compile(r"\b(?:from|join)\s+\w+\.\w+\.\w+", re.IGNORECASE)


def reached(tree: ast.AST) -> Iterator[str]:
    """Yield what a Python model reaches for that dbt does not hand it: packages, calls, tables in SQL text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module or "."] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from {name.split(".")[0] for name in named} - (OF_MODELS - OPENING_MODULES)
        elif isinstance(node, ast.Call):
            yield from {ast.unparse(node.func).split(".")[-1]} & OPENING_CALLS
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from BY_HAND.findall(node.value)


def test_python_models_read_only_what_dbt_hands_them() -> None:
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in MODELS.rglob("*.py")}
    assert len(trees) > 10
    assert {name: found for name, tree in trees.items() if (found := sorted(reached(tree)))} == {}


@pytest.mark.parametrize(
    "line",
    ["import sqlite3", "from operations import topics", "from orchestration.x import y", "from . import z", "open('f')",
     "pa.csv.read_csv('f')", "session.execute('select 1 from daily_copy.main.fct_daily_anomaly')"],
)  # fmt: skip
def test_what_a_python_model_reaches_for_is_noticed(line: str) -> None:
    assert list(reached(ast.parse(line)))
    assert not list(reached(ast.parse("from analytics.signals import topics\ndbt.source('decisions', 'topics')")))


def test_sql_models_name_tables_by_ref_and_source() -> None:
    assert [path.name for path in MODELS.rglob("*.sql") if BY_HAND.search(path.read_text(encoding="utf-8"))] == []


def test_contracts_bind_what_others_read(built: Built) -> None:
    loose = [
        n["name"]
        for n in models(built)
        if layer(n) != "staging" and n["language"] == "sql" and not n["config"]["contract"]["enforced"]
    ]
    assert loose == []


def test_only_what_is_meant_for_readers_is_published(built: Built) -> None:
    daily, live = (
        {f"{n['schema']}.{n['name']}" for n in models(built) if is_exposed(n) and target_of(n) == target}
        for target in ("daily", "live")
    )
    assert live == {
        "impact.live_action_effect",
        "signals.live_budget",
        "signals.live_mention_band",
        "signals.live_crisis",
        "signals.live_crisis_band",
        "signals.live_signal",
        "signals.live_signal_evidence",
        "signals.live_signal_example",
        "signals.live_signal_source",
        "signals.live_signal_term",
        "signals.live_state",
        "signals.live_threshold",
        "signals.live_topic",
        "visibility.live_chat_contact",
        "visibility.live_mention",
        "visibility.live_volume",
    }
    assert {name.split(".")[0] for name in daily} == PUBLISHED_SCHEMAS
    assert daily == {
        "actors.dim_threat",
        "actors.fct_headcount",
        "actors.fct_iggn_complaint",
        "actors.fct_news_item",
        "actors.fct_prevention_action",
        "actors.fct_recorded_offence",
        "impact.fct_action_effect",
        "impact.fct_action_effect_period",
        "impact.fct_means_needs",
        "audit.act",
        "audit.archived_load",
        "audit.freshness",
        "audit.kpi_platform",
        "audit.platform_load",
        "audit.set_aside",
        "audit.unknown_place",
        "kpi.kpi_catalogue",
        "kpi.rpt_kpi",
        "kpi.kpi_value",
        "perception.dim_service",
        "perception.fct_app_review",
        "perception.fct_experience",
        "perception.fct_experience_structure",
        "perception.fct_experience_structure_count",
        "perception.fct_experience_theme",
        "perception.fct_experience_theme_count",
        "perception.fct_feedback",
        "perception.fct_google_review",
        "perception.fct_google_review_count",
        "perception.fct_irritant",
        "perception.fct_irritant_example",
        "perception.fct_irritant_word",
        "perception.fct_theme_proposal",
        "perception.fct_verbatim",
        "perception.fct_verbatim_feeling",
        "perception.fct_verbatim_kind",
        "perception.fct_verbatim_term",
        "perception.fct_verbatim_theme",
        "reference.dim_calendar",
        "reference.dim_period",
        "reference.dim_platform",
        "reference.dim_territory",
        "reference.dim_territory_profile",
        "reference.dim_unit",
        "signals.fct_daily_anomaly",
        "signals.fct_daily_threshold",
        "signals.fct_official_alert",
        "visibility.dim_listing",
        "visibility.dim_social_account",
        "visibility.fct_audience_device",
        "visibility.fct_audience_hour",
        "visibility.fct_audience_page",
        "visibility.fct_audience_place",
        "visibility.fct_audience_source",
        "visibility.fct_listing_presence",
        "visibility.fct_listing_sync",
        "visibility.fct_mention",
        "visibility.fct_social_account_day",
        *(f"kpi.{kpi['name']}" for kpi in kpis(built)),
    }


def test_the_first_kpis_exist(built: Built) -> None:
    assert {kpi["config"]["meta"]["kpi"]["code"] for kpi in kpis(built)} >= {
        "experiences",
        "positive_share",
        "answer_rate",
        "response_time_median",
        "response_time_p75",
        "response_time_p90",
    }


def test_a_kpi_is_a_governed_object(built: Built) -> None:
    tested = {unit_test["model"] for unit_test in built.manifest["unit_tests"].values()}
    for node in kpis(built):
        meta, name = node["config"]["meta"]["kpi"], node["name"]
        assert name == f"kpi_{meta['code']}"
        assert set(KPI_META) <= set(meta) <= {*KPI_META, *KPI_META_OF_SOME}, name
        for field, answers in (KPI_META | KPI_META_OF_SOME).items():
            assert answers is None or field not in meta or meta[field] in answers, f"{name}: {field}"
        assert all(meta[field] for field in ("label", "definition", "formula", "owner", "refresh")), name
        assert meta["owner"].startswith("team:")
        assert meta["min_observations"] > 0, name
        assert set(meta["observed"]) == {"figure", "noun"}, name
        # A Wilson interval is of the answers in the denominator, a Poisson one of the events in the numerator.
        counted = {"wilson": "denominator", "poisson": "numerator"}.get(
            meta.get("interval"), meta["observed"]["figure"]
        )
        assert meta["observed"]["figure"] == counted, name
        assert set(meta["grain"]) == {"period_types", "territory_levels", "breakdowns"}
        assert list(node["columns"]) == KPI_COLUMNS
        assert node["access"] == "public"
        assert node["group"] == meta["pillar"]
        assert name in tested, f"{name} has no unit test"


def test_a_kpi_rests_on_its_observations(built: Built) -> None:
    by_name = {node["name"]: node for node in models(built)}
    for node in kpis(built):
        observations = by_name[f"{node['name']}__observations"]
        assert observations["unique_id"] in node["depends_on"]["nodes"]
        breakdowns = [b["dimension"] for b in node["config"]["meta"]["kpi"]["grain"]["breakdowns"]]
        columns = [column for column in observations["columns"] if column != "entity_key"]
        assert columns == ["record_key", "occurred_on", "territory_code", *breakdowns, "numerator", "denominator"]
        assert list(observations["columns"])[3] == "entity_key" or "entity_key" not in observations["columns"]
        assert not is_exposed(observations)
        days = by_name.get(f"{node['name']}__days")
        assert (days is not None) == any(uid.endswith("__days") for uid in node["depends_on"]["nodes"])
        if days:
            of_days = ["occurred_on", "territory_code", *breakdowns, "numerator", "denominator", "observations"]
            assert list(days["columns"]) == of_days
            assert not is_exposed(days)


def test_a_kpi_is_checked_for_soundness(built: Built) -> None:
    checked = {
        node["attached_node"]
        for node in built.manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") == "kpi_is_sound"
    }
    assert checked == {kpi["unique_id"] for kpi in kpis(built)}


def test_victims_are_hidden_where_they_are_few(built: Built) -> None:
    by_name = {node["name"]: node for node in models(built)}
    victim_sources = set(by_name["kpi_victim_cell"]["depends_on"]["nodes"])
    for kpi in kpis(built):
        counts_victims = "victims" in kpi["config"]["meta"]["kpi"]
        reads = set(kpi["depends_on"]["nodes"])
        assert (by_name["kpi_suppressed_cell"]["unique_id"] in reads) == counts_victims, kpi["name"]
        assert (by_name[f"{kpi['name']}__observations"]["unique_id"] in victim_sources) == counts_victims, kpi["name"]
        if counts_victims:
            grain = kpi["config"]["meta"]["kpi"]["grain"]
            for part in (grain, *grain["breakdowns"]):
                assert not {"day", "week"} & set(part["period_types"])
            # A breakdown whose places are not all published would give the rest away by subtraction.
            for part in grain["breakdowns"]:
                levels = set(part.get("territory_levels", grain["territory_levels"]))
                assert levels == {"nation"} or {"gendarmerie_region", "abroad", "unknown"} <= levels
                assert "region" not in levels or "departement" in levels


def test_breakdowns_begin_at_the_month(built: Built) -> None:
    for node in kpis(built):
        for breakdown in node["config"]["meta"]["kpi"]["grain"]["breakdowns"]:
            assert not {"day", "week"} & set(breakdown["period_types"])


def test_every_kpi_is_in_the_union_and_the_catalogue(built: Built) -> None:
    union = next(node for node in models(built) if node["name"] == "kpi_value")
    assert set(union["depends_on"]["nodes"]) == {kpi["unique_id"] for kpi in kpis(built)}
    metas = [kpi["config"]["meta"]["kpi"] for kpi in kpis(built)]
    catalogue = built.rows("select kpi_code, label, definition, unit, target, period_types from kpi.kpi_catalogue")
    assert sorted(catalogue) == sorted(
        (
            meta["code"],
            meta["label"],
            " ".join(meta["definition"].split()),
            meta["unit"],
            meta["target"],
            ", ".join(meta["grain"]["period_types"]),
        )
        for meta in metas
    )


def test_effects_are_sought_in_every_count_and_share_by_departement(built: Built) -> None:
    """But those that count actions or effects, evaluate signals, or mean something by theme only."""
    by_unique_id = {node["unique_id"]: node for node in models(built)}
    left_out = {
        "prevention_actions", "prevention_audience", "actions_concluded_share", "signal_precision",
        "negative_share_by_theme",
    }  # fmt: skip
    expected = {
        kpi["config"]["meta"]["kpi"]["code"]
        for kpi in kpis(built)
        if kpi["config"]["meta"]["kpi"]["unit"] in ("nombre", "part")
        and "departement" in kpi["config"]["meta"]["kpi"]["grain"]["territory_levels"]
        and {"week", "month"} & set(kpi["config"]["meta"]["kpi"]["grain"]["period_types"])
    } - left_out
    cells = next(node for node in models(built) if node["name"] == "int_followed_cell")
    read = {by_unique_id[parent]["config"]["meta"]["kpi"]["code"] for parent in cells["depends_on"]["nodes"]}
    assert read == expected
    assert set(mapping()["platforms"]) == expected
    assert {code for part in ("themes", "kinds") for codes in mapping()[part].values() for code in codes} <= expected


def test_what_proposes_targets_is_what_an_action_can_be(built: Built) -> None:
    tests = [node for node in built.manifest["nodes"].values() if node["resource_type"] == "test"]
    [kinds] = [
        set(node["test_metadata"]["kwargs"]["values"])
        for node in tests
        if node.get("attached_node") == "model.cyberimpact.fct_action" and node["column_name"] == "action_kind"
    ]
    assert prevention_actions.contract.SERVICE_CHANGE in kinds
    assert set(mapping()["answering"]) <= kinds
    assert set(mapping()["kinds"]) <= kinds | {*prevention_actions.contract.ACTION_TYPES}
    assert set(mapping()["themes"]) <= {*prevention_actions.contract.THEMES, *ma_securite.contract.THEMES}


def test_impact_reads_victims_only_as_they_are_published(built: Built) -> None:
    """What is made of published figures gives no hidden one away."""
    unhidden = {"fct_assistance", "fct_perceval_departement", "fct_perceval_age", "kpi_victim_cell"}
    for node in models(built):
        if layer(node) == "impact":
            parents = {parent.split(".")[-1] for parent in node["depends_on"]["nodes"]}
            assert not parents & unhidden, node["name"]
            assert not {name for name in parents if name.endswith("__observations")}, node["name"]


def test_tests_on_several_models_are_shown_beside_one(built: Built) -> None:
    for node in built.manifest["nodes"].values():
        if node["resource_type"] == "test" and "test_metadata" not in node:
            shown_beside = node["config"]["meta"]["dagster"]["ref"]["name"]
            assert shown_beside in {parent.split(".")[-1] for parent in node["depends_on"]["nodes"]}


def test_groups_have_owners(built: Built) -> None:
    assert all(group["owner"]["name"].startswith("team:") for group in built.manifest["groups"].values())
    assert [node["name"] for node in models(built) if not node["group"]] == []


def test_every_glossary_entry_is_used(built: Built) -> None:
    blocks = {block.split(".")[-1] for block in built.manifest["docs"] if block.startswith("doc.cyberimpact.")}
    written = "".join(path.read_text(encoding="utf-8") for path in PROJECT_DIR.glob("[ms]*/**/*.yml"))
    assert {block for block in blocks if f"doc('{block}')" not in written} == set()


@pytest.fixture
def seed_builder() -> ModuleType:
    return script(PROJECT_DIR / "seeds" / "build_seeds.py")


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_DIR / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_seed_of_platforms_is_the_list_of_platforms(seed_builder: ModuleType) -> None:
    assert seed("platforms") == seed_builder.platform_rows(), "run dbt_project/seeds/build_seeds.py"


def test_the_seeds_of_the_calendar_are_those_of_the_script(seed_builder: ModuleType) -> None:
    assert seed("public_holidays") == seed_builder.public_holiday_rows(), "run dbt_project/seeds/build_seeds.py"
    assert seed("school_holidays") == seed_builder.school_holiday_rows(), "run dbt_project/seeds/build_seeds.py"


DOWNLOADS = {
    "regions": "code,name,zone\n24,Centre-Val de Loire,metro\n04,La Réunion,drom\n99,Nulle part,metro\n",
    "departements": """code,name,region_code,zone,population
37,Indre-et-Loire,24,metro,612160
974,La Réunion,04,drom,885700
987,Polynésie française,,com,279287
989,Île de Clipperton,,com,
""",
    "communes": "code,name,departement_code,population,postal_codes\n37261,Tours,37,138588,37000 37100\n",
    "export-structures": """\
Code SP+ de la structure;Intitulé du réseau;Intitulé de la typologie;Intitulé de la structure;\
Code SP+ structure parent;INSEE Département;Actif
b;Gendarmerie Nationale;Groupement de gendarmerie départementale;Groupement d'Indre-et-Loire;a;dep37;Oui
a;Police Nationale;Commissariat;Commissariat de Tours;;dep37;Oui
""",
}


def test_seeds_are_built_of_public_files(seed_builder: ModuleType, tmp_path: Path) -> None:
    for name, text in DOWNLOADS.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    made = seed_builder.of_downloads(tmp_path)
    assert [(row["region_code"], row["gendarmerie_region_code"]) for row in made["regions"]] == [
        ("FR-CVL", "GN-CVL"),
        ("FR-LRE", "GN-OM"),
    ]
    columns = ("territory_code", "region_code", "gendarmerie_region_code", "groupement_name", "map_code")
    assert [tuple(row[column] for column in columns) for row in made["territories"]] == [
        ("FR-37", "FR-CVL", "GN-CVL", "Groupement d'Indre-et-Loire", "FR-37"),
        ("FR-974", "FR-LRE", "GN-OM", "", "FR-RE"),
        ("FR-PF", "", "GN-OM", "", "FR-PF"),
    ]
    assert [(row["structure_code"], row["departement_code"]) for row in made["gendarmerie_units"]] == [("b", "37")]
    assert [(row["level"], row["territory_code"]) for row in made["gazetteer"]] == [
        ("region", "FR-CVL"), ("region", "FR-LRE"), ("departement", "FR-37"), ("departement", "FR-974"),
        ("departement", "FR-PF"), ("commune", "FR-37"),
    ]  # fmt: skip


def test_a_shared_postal_code_goes_to_most_inhabitants(seed_builder: ModuleType) -> None:
    communes = [
        {"departement_code": "01", "population": "900", "postal_codes": "01200 01210"},
        {"departement_code": "74", "population": "500", "postal_codes": "01200"},
        {"departement_code": "74", "population": "600", "postal_codes": "01200"},
        {"departement_code": "51", "population": "", "postal_codes": "51000"},
    ]
    assert seed_builder.postal_code_rows(communes) == [
        {"postal_code": "01200", "departement_code": "74"},
        {"postal_code": "01210", "departement_code": "01"},
        {"postal_code": "51000", "departement_code": "51"},
    ]
