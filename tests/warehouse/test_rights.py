"""Which tables and rows a set of roles may read, from the project's own policies and from changed ones."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supersync import bundle as bundles
from supersync import policies as supersets

from core.settings import CHECKOUT
from tests.superset import small_manifest
from tests.superset.edits import edit
from warehouse import rights
from warehouse.rights import EVERYTHING, CurrentPolicies, PolicyError, Right

POLICIES, BUNDLE = CHECKOUT / "superset" / "policies", CHECKOUT / "superset" / "bundle"
SEEDS = CHECKOUT / "dbt_project" / "seeds"
NAMES = sorted(rights.current().roles)
GIRONDE = "territory_code in ('FR', 'FR-33')"


def right(*roles: str) -> Right:
    return rights.current().right(roles)


def codes(condition: str | None) -> set[str] | None:
    """Return the territories of a condition; None where every row fulfils it."""
    return None if condition is None else set(condition.split("'")[1::2])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with copies of the policies, the bundle and the seeds, to be changed."""
    shutil.copytree(POLICIES, tmp_path / "policies")
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    (tmp_path / "seeds").mkdir()
    for name in ("regions.csv", "territories.csv"):
        shutil.copy(SEEDS / name, tmp_path / "seeds")
    return tmp_path


def reading(files: Path) -> CurrentPolicies:
    return CurrentPolicies(files / "policies", files / "bundle", files / "seeds")


def test_a_departement_reads_its_rows_and_the_nations():
    granted = right("departement-FR-33").tables
    assert granted["kpi.rpt_kpi"] == GIRONDE
    assert granted["audit.publication"] is None
    assert granted["signals.live_signal_term"] == (
        "signal_id in (select parent.signal_id from signals.live_signal as parent "
        "where parent.territory_code in ('FR', 'FR-33'))"
    )
    reserved = {"perception.fct_verbatim", "perception.fct_experience", "audit.access_day", "audit.kpi_ledger"}
    assert not reserved & granted.keys()


@pytest.mark.parametrize(
    ("role", "title"),
    [
        ("veille", "Cellule de veille"),
        ("departement-FR-33", "Gironde (33)"),
        ("departement-FR-2A", "Corse-du-Sud (2A)"),
        ("region-FR-BRE", "Bretagne (région)"),
        ("region-gendarmerie-GN-BRE", "Région de gendarmerie Bretagne"),
    ],
)
def test_a_role_has_the_title_that_is_declared_or_the_name_of_its_territory(role: str, title: str):
    assert rights.current().roles[role].title == title


def test_a_region_reads_its_departements():
    assert codes(right("region-FR-COR").tables["kpi.rpt_kpi"]) == {"FR", "FR-COR", "FR-2A", "FR-2B"}
    gendarmerie = codes(right("region-gendarmerie-GN-BRE").tables["kpi.rpt_kpi"])
    assert gendarmerie == {"FR", "GN-BRE", "FR-22", "FR-29", "FR-35", "FR-56"}


def test_who_sees_all_territories_reads_all_rows_of_what_is_granted():
    national, analyst = right("national").tables, right("analyste").tables
    assert set(national.values()) == set(analyst.values()) == {None}
    assert national.keys() < analyst.keys()
    assert "audit.access_day" in right("auditeur").tables.keys() - analyst.keys()


def test_a_territory_restricts_the_other_roles():
    both = right("analyste", "departement-FR-33").tables
    assert both.keys() == right("analyste").tables.keys()
    assert both["perception.fct_verbatim"] == both["kpi.rpt_kpi"] == GIRONDE
    assert codes(right("departement-FR-33", "departement-FR-69").tables["kpi.rpt_kpi"]) == {"FR", "FR-33", "FR-69"}


def test_the_platforms_own_account_reads_everything():
    assert right("Admin") == right("Admin", "departement-FR-33") == EVERYTHING
    assert EVERYTHING
    assert EVERYTHING.key != Right().key


@pytest.mark.parametrize(
    ("roles", "places"),
    [
        (["Admin", "departement-FR-33"], None),
        (["veille"], None),
        (["veille", "Gamma"], None),
        (["veille", "departement-FR-33"], ("FR-33",)),
        (["prevention", "region-FR-COR", "departement-FR-33"], ("FR-2A", "FR-2B", "FR-33", "FR-COR")),
        (["region-gendarmerie-GN-BRE"], ("FR-22", "FR-29", "FR-35", "FR-56", "GN-BRE")),
        (["Alpha", "departement-FR-00"], ()),
        ([], ()),
    ],
)
def test_where_an_account_acts(roles, places):
    assert rights.current().places(roles) == places


@pytest.mark.parametrize("names", [[], ["Alpha"], ["Gamma", "sql_lab", "Public"], ["departement-FR-00"]])
def test_roles_that_are_not_the_projects_give_nothing(names):
    assert not right(*names)


def test_distinct_rights_have_distinct_keys_and_equal_ones_share_theirs():
    assert right("departement-FR-33").key == right("Gamma", "departement-FR-33").key
    assert right("national").key == right("courrier").key  # the same dashboards, every territory
    places = [name for name in NAMES if "FR-" in name or "GN-" in name]
    assert len({right(name).key for name in places}) == len(places)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(NAMES), max_size=4), st.sampled_from(NAMES))
def test_one_more_role_gives_tables_and_never_widens_a_territory(held, further):
    before, after = right(*held).tables, right(*held, further).tables
    assert before.keys() | right(further).tables.keys() == after.keys()
    bound = [places for name in {*held, further} if (places := rights.current().roles[name].places) is not None]
    allowed = {code for places in bound for code in places} if bound else None
    whole = rights.current().whole
    assert all(codes(condition) == (None if table in whole else allowed) for table, condition in after.items())


def test_superset_gives_what_the_copies_hold(tmp_path):
    bundle = bundles.load(BUNDLE, small_manifest.write(tmp_path))
    declared = supersets.load(POLICIES, bundle, seeds=SEEDS)
    reads = {dataset.slug: rights.current().bundle.tables[dataset.slug] for dataset in bundle.datasets}
    for role in declared.roles:
        granted = right(role.name).tables
        assert granted.keys() == rights.current().common_tables.union(*(reads[slug] for slug in role.datasets))
    dashboards = {dashboard.slug: supersets.datasets_of(dashboard, bundle) for dashboard in bundle.dashboards}
    assert dashboards == rights.current().bundle.datasets  # variants for phones included


def test_what_the_pages_show_is_for_every_role_that_reads_and_for_nobody_else():
    assert right("departement-FR-33").tables["audit.platform_load"] is None
    assert not right("Gamma").tables
    assert "audit.platform_load" not in rights.current().api_right("national").tables


def test_a_token_reads_what_the_endpoint_needs_and_no_more():
    current_rights = rights.current()
    assert current_rights.api_right("departement-FR-33").tables == {
        "audit.publication": None,
        "kpi.kpi_catalogue": None,
        "kpi.kpi_value": GIRONDE,
        "reference.dim_territory": GIRONDE,
    }
    assert set(current_rights.api_right("national").tables.values()) == {None}
    assert not current_rights.api_right("analyste")
    assert not current_rights.api_right("Admin")


def test_an_edited_file_changes_the_right_at_once(files):
    current_rights = reading(files)
    before = current_rights().right(["departement-FR-33"])
    edit(files / "policies" / "roles.yml", lambda c: c["reserved"]["datasets"].update(official_alerts=["analyste"]))
    edit(files / "policies" / "roles.yml", lambda c: c["reserved"]["dashboards"].update(veille=["analyste"]))
    after = current_rights().right(["departement-FR-33"])
    # The variant for phones stays open: what only the wide page shows is lost.
    lost = {"signals.fct_official_alert", "signals.live_crisis_band", "signals.live_signal_source"}
    assert before.tables.keys() - after.tables.keys() == lost
    assert after.key != before.key
    edit(files / "bundle" / "datasets" / "rpt_kpi.yaml", lambda c: c.update(model="kpi.another"))
    assert "kpi.another" in current_rights().right(["departement-FR-33"]).tables
    seed = files / "seeds" / "territories.csv"
    seed.write_text(seed.read_text().replace(",FR-33,", ",FR-99,"))
    assert not current_rights().right(["departement-FR-33"])


@pytest.mark.parametrize("name", ["policies/roles.yml", "policies/rls.yml", "bundle/charts/audit/audit_loads.yaml"])
def test_files_that_cannot_be_read_give_no_right(files, name):
    current_rights = reading(files)
    current_rights()
    for spoilt in ("a: [", "just text", "a: b"):
        (files / name).write_text(spoilt)
        with pytest.raises(PolicyError):
            current_rights()
    (files / name).unlink()
    if name.startswith("policies"):
        with pytest.raises(PolicyError, match="absent"):
            current_rights()


def test_a_code_cannot_end_the_condition():
    assert rights.condition("territory_code", ["FR'33"]) == "territory_code in ('FR''33')"


def test_the_pages_alone_give_redacted_mentions_to_who_watches_and_of_its_territories():
    def given(*roles: str) -> Right:
        return rights.current().page_right(roles)

    assert given("veille").tables == {"visibility.live_mention": None}
    assert given("veille", "departement-FR-33").tables == {"visibility.live_mention": GIRONDE}
    assert not given("national", "analyste", "departement-FR-33", "Gamma")
    assert given(rights.ADMIN) is EVERYTHING
    assert "visibility.live_mention" not in right("veille").tables
