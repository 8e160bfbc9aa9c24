"""Sends a folder of open data to a udata catalogue, such as data.gouv.fr, and says before what that would do.

What the catalogue has already is not sent again: a dataset is recognised by the name in its `extras`, a
file by its title and the SHA-1 that the catalogue computes. So a run that was cut off goes on where it was.
"""

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from audit import signing
from core import certificates, settings
from core.errors import ExpectedFailure
from core.settings import Home
from opendata import declaration, package
from opendata.declaration import Dataset, Declaration

URL_SETTING, KEY_SETTING = "CYBERIMPACT_UDATA_URL", "CYBERIMPACT_UDATA_API_KEY"
ORGANIZATION_SETTING = "CYBERIMPACT_UDATA_ORGANIZATION"
NAME = "cyberimpact:slug"
WAIT_SECONDS = 60
PAGE = 100

Record = dict[str, Any]

#: By suffix, what a file is to readers.
_KINDS = {
    ".csv": {"type": "main", "description": "Données, CSV ; schema.json en est le Table Schema."},
    ".parquet": {"type": "main", "description": "Les mêmes données, Parquet."},
    ".json": {"type": "documentation", "description": "Table Schema du CSV."},
    ".md": {"type": "documentation", "description": "Définitions, colonnes, secret, vérification."},
}


VERBS = {
    "create": "créer",
    "update": "mettre à jour",
    "add": "ajouter",
    "replace": "remplacer",
    "describe": "décrire",
}


class Step(NamedTuple):
    """Something that a catalogue lacks: of which dataset, what is done, a key of `VERBS`, and with which file."""

    dataset: Dataset
    verb: str
    file: Path | None = None

    @property
    def text(self) -> str:
        """The step, in French."""
        return " ".join([f"{self.dataset.slug} :", VERBS[self.verb], *([self.file.name] if self.file else [])])


class Refusal(NamedTuple):
    """A dataset that the catalogue did not take as a whole, and why."""

    slug: str
    reason: str


def client() -> httpx.Client:
    """Return a client of the catalogue.

    Raises:
        ExpectedFailure: its address or key is not set.
    """
    headers = {"X-API-KEY": settings.require(KEY_SETTING)}
    return httpx.Client(base_url=settings.require(URL_SETTING).rstrip("/"), headers=headers, timeout=WAIT_SECONDS)


def catalogue(http: httpx.Client) -> "Catalogue":
    """Return the catalogue of the installation's organisation.

    Raises:
        ExpectedFailure: the organisation is not set.
    """
    return Catalogue(http, settings.require(ORGANIZATION_SETTING))


class Catalogue:
    """A catalogue, and what an organisation has in it.

    Args:
        http: A client whose base is the address of the catalogue.
        organization: Identifier of the organisation.
    """

    def __init__(self, http: httpx.Client, organization: str) -> None:
        self._http = http
        self._organization = organization

    def datasets(self) -> dict[str, Record]:
        """Return the datasets that this platform has sent, by name."""
        found, page = {}, 1
        while True:
            address = f"/api/1/organizations/{self._organization}/datasets/"
            answer = self._ask("GET", address, params={"page": page, "page_size": PAGE})
            for dataset in answer["data"]:
                if name := (dataset.get("extras") or {}).get(NAME):
                    found[name] = dataset
            if not answer.get("next_page"):
                return found
            page += 1

    def take(self, step: Step, declared: Declaration, record: Record) -> None:
        """Do a step, and keep in the record of the dataset what the catalogue has answered.

        Raises:
            httpx.HTTPError: the catalogue refuses, or does not answer.
        """
        metadata = _metadata(declared, step.dataset)
        if step.file is None:
            metadata |= {"organization": self._organization} if step.verb == "create" else {}
            method, address = ("POST", "") if step.verb == "create" else ("PUT", f"{record['id']}/")
            record |= self._ask(method, f"/api/1/datasets/{address}", json=metadata)
            return
        base, resource = f"/api/1/datasets/{record['id']}/", _titled(record, step.file)
        place = f"resources/{resource['id']}/" if resource else ""
        if step.verb == "describe":
            answer = self._ask("PUT", base + place, json=_KINDS[step.file.suffix])
        else:
            answer = self._ask(
                "POST", f"{base}{place}upload/", files={"file": (step.file.name, step.file.read_bytes())}
            )
        if resource:
            resource |= answer
        else:
            record["resources"].append(answer)

    def _ask(self, method: str, address: str, **content: Any) -> Record:
        answer = self._http.request(method, address, **content)
        answer.raise_for_status()
        return answer.json()


def _metadata(declared: Declaration, dataset: Dataset) -> Record:
    return {
        "title": dataset.title,
        "description": dataset.description,
        "license": declared.licence,
        "frequency": dataset.frequency,
        "tags": sorted(dataset.keywords),
        "extras": {NAME: dataset.slug},
    }


def _titled(record: Record, file: Path) -> Record | None:
    """Return the file of a dataset that has a name; a catalogue may write it in small letters."""
    name = file.name.casefold()
    return next((entry for entry in record["resources"] if str(entry.get("title")).casefold() == name), None)


def missing(folder: Path, declared: Declaration, dataset: Dataset, record: Record | None) -> Iterator[Step]:
    """Yield what a catalogue lacks of a dataset, in order.

    Args:
        folder: What `package.build` has written.
        declared: The list.
        dataset: One of it.
        record: What the catalogue has of it; None where it has nothing.
    """
    if record is None:
        yield Step(dataset, "create")
    elif any(_plain(record.get(name)) != value for name, value in _metadata(declared, dataset).items()):
        yield Step(dataset, "update")
    for file in sorted((folder / dataset.slug).iterdir()):
        sent = (_titled(record, file) if record else None) or {}
        digest = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
        if (sent.get("checksum") or {}).get("value") != digest:
            yield Step(dataset, "replace" if sent else "add", file)
        if any(sent.get(name) != value for name, value in _KINDS[file.suffix].items()):
            yield Step(dataset, "describe", file)


def _plain(value: Any) -> Any:
    """Return a value of the catalogue as it is sent: it may order keywords, and add to `extras`, as it likes."""
    match value:
        case list():
            return sorted(value)
        case dict():
            return {NAME: value.get(NAME)}
    return value


def plan(home: Home, folder: Path, catalogue: Catalogue) -> list[Step]:
    """Return what `push` would do; nothing is changed.

    Raises:
        ExpectedFailure: the folder was changed, its list is no longer the one that is signed, or the catalogue does not
            answer.
    """
    declared = _declared(home, folder)
    with _answering():
        known = catalogue.datasets()
    return [step for one in declared.datasets for step in missing(folder, declared, one, known.get(one.slug))]


def push(home: Home, folder: Path, catalogue: Catalogue, on_step: Callable[[Step], object]) -> list[Refusal]:
    """Send what the catalogue lacks, and return what it has refused; the other datasets are sent all the same.

    Raises:
        ExpectedFailure: as `plan`.
    """
    declared, refused = _declared(home, folder), []
    with _answering():
        known = catalogue.datasets()
        for dataset in declared.datasets:
            record = known.get(dataset.slug)
            todo = list(missing(folder, declared, dataset, record))
            try:
                for step in todo:
                    record = record or {"resources": []}
                    catalogue.take(step, declared, record)
                    on_step(step)
            except httpx.HTTPStatusError as problem:
                refused.append(Refusal(dataset.slug, _reason(problem.response)))
    return refused


def _declared(home: Home, folder: Path) -> Declaration:
    declared, key = declaration.signed(home), signing.private_key()
    try:
        content = package.check(folder, [key.public_key()] if key else None)
    except package.UnsignedError:
        raise ExpectedFailure(
            f"{folder} n'est pas signé par la clé de signature actuelle : elle a changé depuis, ou manquait.",
            f"Reconstruisez-le : `cyberimpact opendata build {folder}`, puis recommencez.",
        ) from None
    if content["list"]["sha256"] != declared.sha256:
        raise ExpectedFailure(f"{folder} a été construit d'une autre liste.", "Reconstruisez-le.")
    return declared


def _reason(response: httpx.Response) -> str:
    """Return why a catalogue refuses, in its own words."""
    try:
        answer = response.json()
        fields = [f"{name} : {' '.join(map(str, said))}" for name, said in (answer.get("errors") or {}).items()]
        return ", ".join([f"{response.status_code} {answer['message']}", *fields])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{response.status_code} {response.reason_phrase}"


@contextmanager
def _answering() -> Generator[None]:
    """Say in words that a catalogue does not answer, or answers something else."""
    try:
        yield
    except httpx.HTTPStatusError as problem:
        raise ExpectedFailure(
            f"Le catalogue refuse : {_reason(problem.response)}.", "Vérifiez adresse, clé et organisation."
        ) from None
    except httpx.HTTPError as problem:
        if reason := certificates.refusal(problem):
            raise ExpectedFailure(
                f"Le certificat du catalogue n'est pas accepté ({reason}).",
                "Faites-le renouveler, ou ajoutez son autorité au fichier de SSL_CERT_FILE ; vérifiez l'horloge.",
            ) from None
        raise ExpectedFailure(
            f"Le catalogue ne répond pas ({type(problem).__name__}).",
            "Recommencez plus tard : ce qui est envoyé ne l'est pas deux fois.",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ExpectedFailure(
            "Le catalogue répond autre chose qu'un catalogue udata.", f"Vérifiez {URL_SETTING}."
        ) from None
