"""The policies without a server: what they expand to, and each kind of mistake named with its file and field."""

import shutil
from pathlib import Path

import pytest
import sqlglot
from supersync import bundle as bundles
from supersync import policies
from supersync.errors import SupersetFailure
from supersync.policies import Policies, check, clause

from tests.superset import small_manifest
from tests.superset.conftest import BUNDLE
from tests.superset.edits import edit, set_field
from tests.superset.people import POLICIES, SEEDS
from warehouse.rights import territories

SQL_LAB = "can_execute_sql_query on SQLLab"


@pytest.fixture
def bundle(tmp_path):
    return bundles.load(BUNDLE, small_manifest.write(tmp_path))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of the policies, to be spoilt."""
    return shutil.copytree(POLICIES, tmp_path / "policies")


@pytest.fixture
def declared(bundle) -> Policies:
    return policies.load(POLICIES, bundle, seeds=SEEDS)


def problems(files: Path, bundle) -> list[str]:
    return check(policies.load(files, bundle, seeds=SEEDS), bundle)


def test_the_policies_are_sound(declared, bundle):
    assert check(declared, bundle) == []


def test_there_is_a_role_for_every_territory(declared):
    names = {role.name for role in declared.roles}
    assert {"national", "analyste", "auditeur", "administrateur"} <= names
    assert {"departement-FR-33", "departement-FR-2A", "departement-FR-75C", "departement-FR-971"} <= names
    assert {"region-FR-BRE", "region-FR-COR", "region-gendarmerie-GN-OM"} <= names
    departements = [name for name in names if name.startswith("departement-")]
    assert len(departements) == 107


def test_a_role_sees_its_own_rows_those_within_and_the_nations(declared):
    roles = {role.name: role for role in declared.roles}
    assert clause(declared, roles["departement-FR-33"]) == "territory_code in ('FR', 'FR-33')"
    assert clause(declared, roles["region-FR-COR"]) == "territory_code in ('FR', 'FR-COR', 'FR-2A', 'FR-2B')"
    assert roles["region-gendarmerie-GN-BRE"].places == ("FR", "GN-BRE", "FR-22", "FR-29", "FR-35", "FR-56")
    assert roles["national"].places is None


def test_every_rule_is_a_condition_that_superset_can_parse(declared):
    """Superset leaves out of a query over tables a rule that it cannot parse."""
    for role in declared.roles:
        if role.places:
            assert isinstance(sqlglot.parse_one(clause(declared, role), dialect="duckdb"), sqlglot.exp.In)


def test_the_account_of_the_digest_opens_dashboards_and_nothing_else(declared):
    (courrier,) = declared.services
    (role,) = (role for role in declared.roles if role.name in courrier.roles)
    national = next(role for role in declared.roles if role.name == "national")
    assert (courrier.username, role.datasets) == ("courrier", national.datasets)
    assert role.permissions < national.permissions
    writes = {
        permission for permission in role.permissions if not permission.startswith(("can_read", "can_get", "can_query"))
    }
    assert writes == {
        "can_dashboard on Superset", "can_explore_json on Superset", "can_language_pack on Superset",
        "can_log on Superset", "can_slice on Superset", "can_time_range on Api",
        "can_write on DashboardFilterStateRestApi",
    }  # fmt: skip


def test_an_account_of_the_platform_cannot_be_declared_as_a_persons(files, bundle):
    person = {"first_name": "C", "last_name": "E", "email": "c@example.org", "roles": ["national"]}
    edit(files / "users.yml", lambda content: content.update(users={"courrier": person}))
    edit(files / "roles.yml", lambda content: content["services"].update(autre=["absent"]))
    assert problems(files, bundle) == [
        "roles.yml: services: autre: there is no role absent.",
        "users.yml: courrier: this is the platform's own account; declare another.",
    ]


def test_only_three_roles_have_sql_lab(declared):
    assert {role.name for role in declared.roles if SQL_LAB in role.permissions} == {
        "analyste", "auditeur", "administrateur"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("right", "holders"),
    [
        ("can_decide on Veille", {"veille"}),
        ("can_write on Prevention", {"prevention"}),
        ("can_verify on Audit", {"auditeur"}),
        ("can_load on Sources", {"administrateur", "ingenieur"}),
    ],
)
def test_who_may_act_on_the_pages(declared, right, holders):
    assert {role.name for role in declared.roles if right in role.permissions} == holders


def test_roles_that_act_read_what_the_national_role_reads(declared):
    roles = {role.name: role for role in declared.roles}
    for name in ("veille", "prevention"):
        assert (roles[name].datasets, roles[name].places) == (roles["national"].datasets, None)
        assert len(roles[name].permissions - roles["national"].permissions) == 1


def test_nobody_reads_all_of_a_database_or_a_schema(declared):
    wide = (
        "database_access",
        "schema_access",
        "catalog_access",
        "all_",
        "can_write on Dataset",
        "can_write on Database",
    )
    assert not [permission for role in declared.roles for permission in role.permissions if permission.startswith(wide)]


def test_what_a_role_reads(declared, bundle):
    roles = {role.name: role for role in declared.roles}
    every = {dataset.slug for dataset in bundle.datasets}
    assert roles["auditeur"].datasets == roles["administrateur"].datasets == every
    assert roles["analyste"].datasets == every - {"accesses", "acts", "audit_state"}
    opened = [dashboard for dashboard in bundle.dashboards if dashboard.slug not in declared.reserved["dashboards"]]
    shown = set().union(*(policies.datasets_of(dashboard, bundle) for dashboard in opened))
    for name in ("national", "departement-FR-33", "courrier"):
        assert roles[name].datasets == shown
    assert not shown & {"accesses", "acts", "experiences", "irritant_examples", "verbatim_search", "verbatims"}


def test_regions_overseas_without_a_region_have_their_departement_role():
    found = territories(SEEDS)
    assert found["departement"]["FR-PM"] == ("FR-PM",)
    assert "" not in found["region"]
    assert found["region"]["FR-LRE"] == ("FR-LRE", "FR-974")


def test_a_dataset_with_a_territory_but_no_column_for_the_rule(workshop, files, tmp_path):
    edit(workshop / "datasets" / "chat_rhythm.yaml", lambda dataset: dataset["columns"].remove("territory_code"))
    changed = bundles.load(workshop, small_manifest.write(tmp_path))
    assert problems(files, changed) == [
        (
            "datasets/chat_rhythm.yaml: has columns of a territory (territory_name) but no column territory_code, "
            "so no row rule covers it."
        )
    ]


def test_a_dataset_that_is_neither_covered_nor_excused(files, bundle):
    edit(files / "rls.yml", lambda content: content["without_territory"].pop("freshness"))
    assert problems(files, bundle) == [
        (
            "datasets/freshness.yaml: no row rule covers it: give it the column territory_code, "
            "or say in policies/rls.yml why it needs none (without_territory)."
        )
    ]


def test_a_dataset_cannot_be_excused_in_spite_of_its_territory(files, bundle):
    edit(files / "rls.yml", lambda content: content["without_territory"].update(rpt_kpi="pour voir"))
    (found,) = problems(files, bundle)
    assert found.startswith("rls.yml: without_territory: rpt_kpi has columns of a territory (map_code, region_code, ")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda reserved: reserved["datasets"].update(gone=["analyste"]),
            "roles.yml: reserved: datasets: there is no gone.",
        ),
        (
            lambda reserved: reserved["dashboards"].update(acteurs=["analiste"]),
            "roles.yml: reserved: acteurs: there is no role analiste.",
        ),
        (
            lambda reserved: reserved["datasets"].update(threats_and_prevention=["analyste"]),
            (
                "dashboards/acteurs.yaml: it reads the dataset threats_and_prevention, which roles.yml reserves to "
                "others than administrateur, auditeur, courrier…: reserve the dashboard too."
            ),
        ),
    ],
)
def test_what_is_reserved_must_exist_and_fit_together(files, bundle, change, expected):
    edit(files / "roles.yml", lambda content: change(content["reserved"]))
    assert expected in problems(files, bundle)


def test_a_reserved_dashboard_leaves_its_datasets_to_whom_it_is_reserved(files, bundle):
    edit(files / "roles.yml", lambda content: content["reserved"]["dashboards"].update(acteurs=["analyste"]))
    roles = {role.name: role for role in policies.load(files, bundle, seeds=SEEDS).roles}
    assert "threats_and_prevention" not in roles["national"].datasets
    assert "threats_and_prevention" in roles["analyste"].datasets


PERSON = {"first_name": "A", "last_name": "B", "email": "a@example.org", "roles": ["departement-FR-33"]}


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ({"admin": PERSON}, "users.yml: admin: this is the platform's own account; declare another."),
        ({"a": {**PERSON, "email": "a"}}, "users.yml: a: email: this is not an address."),
        ({"a": {**PERSON, "roles": []}}, "users.yml: a: roles: at least one is needed."),
        ({"a": {**PERSON, "roles": ["departement-33"]}}, "users.yml: a: roles: there is no role departement-33."),
        (
            {"a": PERSON, "b": {**PERSON, "email": "A@example.org"}},
            "users.yml: b: email: a has the same address.",
        ),
    ],
)
def test_an_account_that_cannot_be(files, bundle, users, expected):
    set_field(files / "users.yml", "users", users)
    assert problems(files, bundle) == [expected]


@pytest.mark.parametrize(
    ("file", "change", "expected"),
    [
        ("roles.yml", lambda c: c.pop("reserved"), "roles.yml: the field `reserved` is absent."),
        ("rls.yml", lambda c: c.update(colum="x"), "rls.yml: the field `colum` is unknown."),
        ("roles.yml", lambda c: c["roles"].update(Admin=c["roles"]["national"]), "Admin is a role of Superset itself."),
        ("roles.yml", lambda c: c["roles"]["national"].pop("datasets"), "national: the field `datasets` is absent."),
        ("roles.yml", lambda c: c["roles"]["national"].update(datasets="some"), "national: datasets is 'some'."),
        (
            "roles.yml",
            lambda c: c["roles"]["national"].update(permissions=["lire"]),
            "national: there is no set of permissions lire.",
        ),
        ("roles.yml", lambda c: c["territories"].update(canton={}), "territories: there is no level canton."),
        (
            "users.yml",
            lambda c: c.update(users={"a": {**PERSON, "password": "x"}}),
            "a: the field `password` is unknown.",
        ),
        ("users.yml", lambda c: c.update(users={"a": {"email": "x"}}), "a: the field `first_name` is absent."),
    ],
)
def test_a_file_that_cannot_be_read_as_policies(files, bundle, file, change, expected):
    edit(files / file, change)
    with pytest.raises(SupersetFailure) as failure:
        policies.load(files, bundle, seeds=SEEDS)
    assert expected in failure.value.what


def test_what_is_absent_is_named(files, bundle, tmp_path):
    with pytest.raises(SupersetFailure, match=r"The seed .*territories\.csv is absent"):
        policies.load(files, bundle, seeds=tmp_path)
    (files / "rls.yml").unlink()
    with pytest.raises(SupersetFailure, match=r"rls\.yml is absent"):
        policies.load(files, bundle, seeds=SEEDS)
    with pytest.raises(SupersetFailure, match=r"elsewhere\.yml is absent"):
        policies.load(POLICIES, bundle, seeds=SEEDS, users=tmp_path / "elsewhere.yml")
