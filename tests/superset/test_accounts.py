"""Who manages people does no more than that, and nobody hands on a dataset that is reserved. All by a real server."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from supersync.bundle import Bundle
from supersync.client import Client

from tests.superset import people
from tests.superset.conftest import Server
from tests.superset.people import People, Person
from tests.superset.test_sessions import number, role

PASSWORD = "a password of the test 1"


@dataclass
class World:
    """The shared server with everybody, and what identifies things on it."""

    server: Server
    admin: Client
    folk: People
    bundle: Bundle

    def user(self, name: str) -> dict[str, Any]:
        """Return an account as an administrator of Superset sees it, its hash included by way of a login."""
        return self.admin.get(f"/api/v1/security/users/{number(self.admin, name)}")["result"]

    def roles(self, name: str) -> set[str]:
        return {held["name"] for held in self.user(name)["roles"]}

    def dataset(self, slug: str) -> int:
        uuid = next(dataset.uuid for dataset in self.bundle.datasets if dataset.slug == slug)
        return self.admin.ids("dataset")[uuid]


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with server.client() as admin:
        bundle, _ = people.grant(server, admin, tmp_path_factory.mktemp("policies"))
        # Somebody to whom Superset itself gives rights, and somebody without any.
        for name, given in (("gamma", ["Gamma"]), ("personne", ["national"])):
            made = {"username": name, "first_name": name, "last_name": "x", "email": f"{name}@example.org"}
            ids = [role(admin, name) for name in given]
            admin.post("/api/v1/security/users/", json={**made, "active": True, "password": PASSWORD, "roles": ids})
        yield World(server, admin, People(server.url, admin), bundle)
        for name in ("gamma", "personne"):
            admin.delete(f"/api/v1/security/users/{number(admin, name)}")


@pytest.fixture
def manager(world: World) -> Person:
    return world.folk["administrateur"]


def made(name: str, **more: Any) -> dict[str, Any]:
    return {
        "username": name, "first_name": "a", "last_name": "b", "email": f"{name}@example.org", "active": True,
        "password": PASSWORD, **more,
    }  # fmt: skip


def test_people_are_managed(world: World, manager: Person) -> None:
    given = [role(world.admin, name) for name in ("analyste", "departement-FR-33")]
    answer = manager.post("/api/v1/security/users/", json=made("nouveau", roles=given[:1]))
    assert answer.status_code == 201, answer.text
    path = f"/api/v1/security/users/{answer.json()['id']}"
    assert manager.put(path, json={"roles": given, "last_name": "c", "groups": []}).is_success
    assert world.roles("nouveau") == {"analyste", "departement-FR-33"}
    assert people.come_in(world.server.url, "nouveau", PASSWORD)
    assert manager.put(path, json={"password": "another of the test 2"}).is_success
    assert manager.put(path, json={"active": False}).is_success
    assert manager.http.delete(path).is_success
    assert manager.put("/api/v1/me/", json={"first_name": "Camille"}).is_success
    members = [number(world.admin, name) for name in ("administrateur", "personne")]
    path = f"/api/v1/security/roles/{role(world.admin, 'administrateur')}/users"
    assert manager.put(path, json={"user_ids": members}).is_success
    assert world.roles("personne") == {"administrateur", "national"}
    assert manager.put(path, json={"user_ids": members[:1]}).is_success
    assert world.roles("personne") == {"national"}


@pytest.mark.parametrize("name", ["PERSONNE", "per sonne", "ｐersonne"])
def test_no_account_is_made_beside_another_of_the_same_canonical_name(world: World, manager: Person, name: str) -> None:
    more = {"email": "autre@example.org", "roles": [role(world.admin, "national")]}
    answer = manager.post("/api/v1/security/users/", json=made(name, **more))
    assert answer.status_code == 403
    assert "Un autre compte a ce nom" in answer.json()["message"]
    path = f"/api/v1/security/users/{number(world.admin, 'personne')}"
    assert manager.put(path, json={"username": "personne", "last_name": "y"}).is_success


BUILT_IN = ("Admin", "Alpha", "Gamma", "Public", "sql_lab", "courrier")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_role_outside_the_projects_is_given_to_nobody(world: World, manager: Person, name: str) -> None:
    forbidden, national = role(world.admin, name), role(world.admin, "national")
    mine = [role(world.admin, "administrateur"), forbidden]
    holders = [user["id"] for user in world.admin.list("security/users", ["id", "roles.name"], order="username")
               if name in {held["name"] for held in user["roles"]}]  # fmt: skip
    answers = [
        manager.put(f"/api/v1/security/users/{number(world.admin, 'administrateur')}", json={"roles": mine}),
        manager.put(f"/api/v1/security/users/{number(world.admin, 'personne')}", json={"roles": [forbidden]}),
        manager.put(f"/api/v1/security/users/{number(world.admin, 'personne')}", json={"roles": [national, forbidden]}),
        manager.post("/api/v1/security/users/", json=made("intrus", roles=[forbidden])),
        manager.put(
            f"/api/v1/security/roles/{forbidden}/users",
            json={"user_ids": [*holders, number(world.admin, "administrateur")]},
        ),
    ]
    assert {answer.status_code for answer in answers} == {403}, [answer.text for answer in answers]
    assert "intrus" not in {user["username"] for user in world.admin.list("security/users", ["username"], "username")}
    assert world.roles("administrateur") == {"administrateur"}
    assert world.roles("personne") == {"national"}


#: What may not be done to an account of the platform, nor to one that holds a role outside the project's.
CHANGES: dict[str, dict[str, Any]] = {
    "password": {"password": "another of the test 3"},
    "closed": {"active": False},
    "renamed": {"username": "autre"},
    "mail": {"email": "autre@example.org"},
    "name": {"last_name": "Autre"},
    "roles": {"roles": ["national"]},
    "groups": {"groups": ["cyberimpact"]},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["admin", "courrier", "gamma"])
def test_accounts_outside_the_projects_are_left_alone(world: World, manager: Person, name: str, change: str) -> None:
    body = dict(CHANGES[change])
    if "roles" in body:
        body["roles"] = [role(world.admin, "national")]
    if "groups" in body:
        groups = world.admin.list("security/groups", ["id", "name"], order="id")
        members = [group["id"] for group in groups if group["name"] == "cyberimpact"]
        body["groups"] = [] if name == "courrier" else members
    before = world.user(name)
    answer = manager.put(f"/api/v1/security/users/{number(world.admin, name)}", json=body)
    assert answer.status_code == 403, answer.text
    assert answer.json()["message"].startswith("Ce compte est à la plateforme")
    after = world.user(name)
    for volatile in ("last_login", "login_count"):
        before.pop(volatile), after.pop(volatile)
    assert after == before
    if name == "admin":
        with world.server.client() as client:
            assert client.get("/api/v1/me/")["result"]["username"] == "admin"


@pytest.mark.parametrize("name", ["admin", "courrier", "gamma"])
def test_accounts_outside_the_projects_are_not_deleted(world: World, manager: Person, name: str) -> None:
    assert manager.http.delete(f"/api/v1/security/users/{number(world.admin, name)}").status_code == 403
    assert world.user(name)


def test_roles_are_not_taken_from_the_platforms_accounts_by_way_of_the_role(world: World, manager: Person) -> None:
    for name in ("courrier", "Admin", "Gamma"):
        answer = manager.put(f"/api/v1/security/roles/{role(world.admin, name)}/users", json={"user_ids": []})
        assert answer.status_code == 403
    answer = manager.put(
        f"/api/v1/security/roles/{role(world.admin, 'national')}/users",
        json={"user_ids": [number(world.admin, name) for name in ("nationale", "personne", "courrier")]},
    )
    assert answer.status_code == 403
    assert world.roles("courrier") == {"courrier"}
    assert world.roles("admin") == {"Admin"}


def test_a_name_of_the_platform_is_taken_by_nobody(world: World, manager: Person) -> None:
    national = [role(world.admin, "national")]
    for name in ("ADMIN ", "c\u200bourrier", "ａｄｍｉｎ"):
        body = made("x", roles=national) | {"username": name, "email": "taken@example.org"}
        assert manager.post("/api/v1/security/users/", json=body).status_code == 403
        path = f"/api/v1/security/users/{number(world.admin, 'personne')}"
        assert manager.put(path, json={"username": name}).status_code == 403


def test_groups_are_not_a_way_round(world: World, manager: Person) -> None:
    """A group that gives Admin, made by the administrator of Superset, lets nobody in whom a manager puts into it."""
    admin = world.admin
    body = {"name": "essai", "label": "x", "description": "x", "roles": [role(admin, "Admin")], "users": []}
    group = admin.post("/api/v1/security/groups/", json=body)["id"]
    try:
        me = f"/api/v1/security/users/{number(admin, 'administrateur')}"
        mine = [group["id"] for group in world.user("administrateur")["groups"]]
        answers = [
            manager.put(me, json={"groups": [*mine, group]}),
            manager.put(me, json={"groups": [group]}),
            manager.post("/api/v1/security/users/", json=made("intrus", groups=[group])),
            manager.post("/api/v1/security/groups/", json={**body, "name": "autre"}),
            manager.put(f"/api/v1/security/groups/{group}", json={"users": [number(admin, "administrateur")]}),
        ]
        assert {answer.status_code for answer in answers} == {403}, [answer.text for answer in answers]
        assert manager.put(me, json={"groups": mine, "last_name": "Essai"}).is_success, "what stays may be sent along"
    finally:
        admin.delete(f"/api/v1/security/groups/{group}")


def test_other_ways_are_shut(world: World, manager: Person) -> None:
    admin, me = world.admin, number(world.admin, "administrateur")
    permissions = [role_permission["id"] for role_permission in
                   admin.get(f"/api/v1/security/roles/{role(admin, 'Admin')}/permissions/")["result"]]  # fmt: skip
    mine = role(admin, "administrateur")
    form = {"first_name": "a", "last_name": "b", "username": "administrateur", "active": "y",
            "email": "administrateur@example.org", "roles": [str(role(admin, "Admin"))]}  # fmt: skip
    reset = {"password": PASSWORD, "conf_password": PASSWORD}
    answers: dict[str, httpx.Response] = {
        "role": manager.post("/api/v1/security/roles/", json={"name": "mien"}),
        "rename": manager.put(f"/api/v1/security/roles/{mine}", json={"name": "departement-mien"}),
        "permissions": manager.post(
            f"/api/v1/security/roles/{mine}/permissions", json={"permission_view_menu_ids": permissions}
        ),
        "edit": manager.post(f"/users/edit/{me}", data=form),
        "add": manager.post("/users/add", data=form | reset | {"username": "intrus"}),
        "roles": manager.post("/roles/add", data={"name": "mien", "permissions": permissions[:3]}),
        "reset": manager.post("/resetpassword/form?pk=1", data=reset),
        "register": manager.post("/api/v1/security/user_registrations/", json={"username": "x", "email": "x@x.fr"}),
        "activation": manager.get("/register/activation/x"),
    }
    # An unknown field of one's own account is refused, and none of them gives a role.
    answers["me"] = manager.put("/api/v1/me/", json={"roles": [role(admin, "Admin")], "username": "admin"})
    assert not [way for way, answer in answers.items() if answer.is_success], answers
    assert world.roles("administrateur") == {"administrateur"}
    found = admin.get("/api/v1/security/roles/search/", params={"q": "(page:0,page_size:1000)"})["result"]
    names = {held["name"] for held in found}
    assert "mien" not in names
    assert "administrateur" in names
    with world.server.client() as client:
        assert client.get("/api/v1/me/")["result"]["username"] == "admin"


@pytest.mark.parametrize("name", ["analyste", "auditeur", "gironde", "ingenieur"])
def test_nobody_else_changes_accounts_but_their_own_password(world: World, name: str) -> None:
    person = world.folk[name]
    other = f"/api/v1/security/users/{number(world.admin, 'personne')}"
    assert person.put(other, json={"password": PASSWORD}).status_code == 403
    national = role(world.admin, "national")
    assert person.post("/api/v1/security/users/", json=made("intrus", roles=[national])).status_code == 403
    assert person.put("/api/v1/me/", json={"password": secrets.token_urlsafe(15)}).is_success
    del world.folk[name]


def test_the_rule_does_not_rest_on_the_rights_of_a_route(world: World) -> None:
    """Somebody whose role is given every permission by hand may call the routes, and yet changes no account."""
    held = world.admin.get(f"/api/v1/security/roles/{role(world.admin, 'auditeur')}/permissions/")["result"]
    all_of_admin = world.admin.get(f"/api/v1/security/roles/{role(world.admin, 'Admin')}/permissions/")["result"]
    path = f"/api/v1/security/roles/{role(world.admin, 'auditeur')}/permissions"
    more = [
        permission["id"]
        for permission in all_of_admin
        if permission["view_menu_name"] in {"User", "Role", "Group", "UserDBModelView"}
    ]
    person = world.folk["auditeur"]
    world.admin.post(path, json={"permission_view_menu_ids": [*(permission["id"] for permission in held), *more]})
    try:
        me, admin = number(world.admin, "auditeur"), role(world.admin, "Admin")
        group = next(row["id"] for row in world.admin.list("security/groups", ["id", "name"], order="id"))
        ways: list[Callable[[], httpx.Response]] = [
            lambda: person.put(f"/api/v1/security/users/{me}", json={"roles": [admin]}),
            lambda: person.put(f"/api/v1/security/roles/{admin}/users", json={"user_ids": [me]}),
            lambda: person.post("/api/v1/security/roles/", json={"name": "mien"}),
            lambda: person.put(f"/api/v1/security/roles/{admin}/groups", json={"group_ids": [group]}),
            lambda: person.http.delete(f"/api/v1/security/roles/{role(world.admin, 'national')}"),
        ]
        assert [way().status_code for way in ways] == [403] * len(ways)
        assert world.roles("auditeur") == {"auditeur"}
    finally:
        world.admin.post(path, json={"permission_view_menu_ids": [permission["id"] for permission in held]})


class TestReservedDatasets:
    """A dashboard's roles hand on no dataset."""

    @pytest.fixture
    def handed_on(self, world: World) -> Iterator[tuple[int, int]]:
        """A chart of an analyst on texts, on a published dashboard of theirs for a département; their numbers."""
        analyst = world.folk["analyste"]
        dataset = world.dataset("verbatims")
        body = {"slice_name": "textes", "viz_type": "table", "datasource_id": dataset, "datasource_type": "table"}
        raw = json.dumps({"all_columns": ["text"], "query_mode": "raw"})
        chart = analyst.post("/api/v1/chart/", json={**body, "params": raw}).json()["id"]
        body = {"dashboard_title": "textes", "published": True}
        dashboard = analyst.post("/api/v1/dashboard/", json=body).json()["id"]
        roles = [role(world.admin, "departement-FR-33")]
        world.admin.put(f"/api/v1/dashboard/{dashboard}", json={"roles": roles})
        position = {"type": "CHART", "id": "CHART-1", "children": [], "meta": {"chartId": chart, "width": 4}}
        target = {"datasetId": dataset, "column": {"name": "text"}}
        metadata = {
            "positions": {"CHART-1": position},
            "native_filter_configuration": [{"id": "F", "targets": [target]}],
        }
        body = {"json_metadata": json.dumps(metadata)}
        assert analyst.put(f"/api/v1/dashboard/{dashboard}", json=body).is_success
        yield chart, dashboard
        for path in (f"/api/v1/dashboard/{dashboard}", f"/api/v1/chart/{chart}"):
            world.admin.delete(path)

    def ask(self, person: Person, world: World, **form: Any) -> httpx.Response:
        body = {
            "datasource": {"id": world.dataset("verbatims"), "type": "table"},
            "form_data": form,
            "queries": [{"columns": ["text"], "metrics": [], "row_limit": 10}],
        }
        return person.post("/api/v1/chart/data", json=body)

    def test_they_give_nothing_to_whoever_lacks_it(self, world: World, handed_on: tuple[int, int]) -> None:
        chart, dashboard = handed_on
        analyst, cell = world.folk["analyste"], world.folk["gironde"]
        forms = [
            {"dashboardId": dashboard, "slice_id": chart},
            {"dashboardId": dashboard, "type": "NATIVE_FILTER", "native_filter_id": "F"},
            {"dashboardId": dashboard},
            {"dashboardId": dashboard, "slice_id": 0, "chart_id": chart, "groupby": ["text"]},
        ]
        for form in forms:
            assert self.ask(analyst, world, **form).is_success
            answer = self.ask(cell, world, **form)
            assert answer.status_code == 403, (form, answer.text)
        assert cell.get(f"/api/v1/dashboard/{dashboard}").is_success, "the page itself is open to the role"
        dataset = world.dataset("verbatims")
        # A chart on a dataset that everybody reads, with a saved query on the reserved one, behind an annotation.
        query = {"columns": ["text"], "metrics": [], "row_limit": 10}
        saved = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "form_data": {}}
        chart = {"slice_name": "essai", "viz_type": "line_essai", "datasource_id": world.dataset("rpt_kpi")}
        body = {**chart, "datasource_type": "table", "query_context": json.dumps(saved)}
        made = analyst.post("/api/v1/chart/", json=body).json()["id"]
        layer = {"name": "a", "annotationType": "EVENT", "sourceType": "table", "value": made, "show": True,
                 "showMarkers": True, "hideLine": False, "style": "solid", "opacity": "", "color": None}  # fmt: skip
        asked = {**query, "columns": ["territory_code"], "metrics": ["valeur"], "annotation_layers": [layer]}
        body = {"datasource": {"id": world.dataset("rpt_kpi"), "type": "table"}, "queries": [asked]}
        answers = [person.post("/api/v1/chart/data", json=body) for person in (analyst, cell)]
        world.admin.delete(f"/api/v1/chart/{made}")
        assert [answer.status_code for answer in answers] == [403, 403], [answer.text[:500] for answer in answers]
        samples = f"/datasource/samples?datasource_id={dataset}&datasource_type=table&dashboard_id={dashboard}"
        for path in (
            f"/api/v1/chart/{chart}/data/",
            f"/api/v1/dataset/{dataset}/drill_info/?q=(dashboard_id:{dashboard})",
            f"/api/v1/datasource/table/{dataset}/column/text/values/",
        ):
            assert not cell.get(path).is_success, path
        assert not cell.post(samples, json={}).is_success

    def test_the_projects_own_reserved_dashboards_are_read_by_their_roles(self, world: World) -> None:
        for name, expected in (("analyste", True), ("auditeur", True), ("gironde", False), ("nationale", False)):
            person = world.folk[name]
            assert person.get("/api/v1/dashboard/verbatims").is_success is expected
            assert self.ask(person, world).is_success is expected
