"""Accounts of each kind of role on the shared server, each with a session as a browser has it."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from supersync import access, policies
from supersync import bundle as bundles
from supersync.apply import apply
from supersync.bundle import Bundle
from supersync.client import Client

from core import settings
from tests.superset.conftest import BUNDLE, Server

POLICIES = settings.CHECKOUT / "superset" / "policies"
SEEDS = settings.CHECKOUT / "dbt_project" / "seeds"
#: A few territories instead of a hundred and forty: what is proven of one holds for each; a role takes 0.1 s to make.
PLACES = ("FR-33", "FR-69", "FR-24")
#: Who there is, and with which roles.
ROLES = {
    "nationale": ["national"],
    "gironde": ["departement-FR-33"],
    "rhone": ["departement-FR-69"],
    "aquitaine": ["region-FR-NAQ"],
    "gendarmerie_aquitaine": ["region-gendarmerie-GN-NAQ"],
    "deux_places": ["departement-FR-33", "departement-FR-69"],
    "analyste": ["analyste"],
    "analyste_gironde": ["analyste", "departement-FR-33"],
    "auditeur": ["auditeur"],
    "veille": ["veille"],
    "veille_aussi": ["veille"],
    "prevention_gironde": ["prevention", "departement-FR-33"],
    "administrateur": ["administrateur"],
    "ingenieur": ["ingenieur"],
}


def few_seeds(folder: Path) -> Path:
    """Write seeds with a few territories, and return their folder."""
    lines = (SEEDS / "territories.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.split(",")[1] in {"territory_code", *PLACES}]
    (folder / "territories.csv").write_text("".join(kept), encoding="utf-8")
    shutil.copy(SEEDS / "regions.csv", folder)
    return folder


def declare(folder: Path) -> Path:
    """Write the declaration of everybody, and return its path."""
    users = {
        name: {"first_name": name, "last_name": "Essai", "email": f"{name}@example.org", "roles": roles}
        for name, roles in ROLES.items()
    }
    path = folder / "users.yml"
    path.write_text(yaml.safe_dump({"users": users}), encoding="utf-8")
    return path


@dataclass
class Person:
    """Somebody who has come in through the form. Answers are handed back as they are, refusals too."""

    name: str
    http: httpx.Client = field(repr=False)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.http.post(path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.http.put(path, **options)


def come_in(url: str, name: str, password: str) -> Person:
    """Log in as a browser does."""
    http = httpx.Client(base_url=url, headers={"Referer": url}, timeout=60)
    form = http.get("/login/").text
    token = re.search(r'csrf_token[^>]*value="([^"]+)', form)
    assert token
    answer = http.post("/login/", data={"username": name, "password": password, "csrf_token": token[1]})
    assert "/login" not in answer.headers["location"], f"{name} was not let in"
    http.headers["X-CSRFToken"] = http.get("/api/v1/security/csrf_token/").json()["result"]
    return Person(name, http)


class People(dict[str, Person]):
    """Everybody, each brought in when first asked for."""

    def __init__(self, url: str, client: Client) -> None:
        super().__init__()
        self._url, self._client = url, client

    def __missing__(self, name: str) -> Person:
        password = access.new_password(self._client, name)
        self[name] = come_in(self._url, name, password)
        return self[name]


def load(folder: Path, bundle: Bundle) -> policies.Policies:
    """Return the project's policies with a few territories and everybody declared."""
    return policies.load(POLICIES, bundle, seeds=few_seeds(folder), users=declare(folder))


def grant(server: Server, client: Client, folder: Path) -> tuple[Bundle, policies.Policies]:
    """Bring the server in line with the bundle and the policies, with everybody on it."""
    bundle = bundles.load(BUNDLE, server.manifest)
    apply(client, bundle, server.database_uri)
    declared = load(folder, bundle)
    access.apply(client, bundle, declared)
    return bundle, declared
