"""The list of what may be published, and the signature of whoever answers for it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from audit import signing
from core import settings
from core.errors import ExpectedFailure
from core.files import write_text
from core.settings import Home

#: File that holds the public keys (PEM) of those who may sign the list.
SIGNERS_SETTING = "CYBERIMPACT_OPENDATA_SIGNERS"
KIND = "opendata list"
#: Periods that may be declared: the coarser, the fewer small counts are hidden.
PERIOD_TYPES = ("month", "quarter", "year")
#: By the word of the list, that of the European vocabulary.
FREQUENCIES = {"monthly": "MONTHLY", "quarterly": "QUARTERLY", "annual": "ANNUAL"}

_DEFAULT = Path(__file__).with_name("datasets.yml")
_SIGN = "Faites-la signer : `cyberimpact opendata sign --key FICHIER --name FONCTION`."


@dataclass(frozen=True)
class Dataset:
    """What is published under one name.

    Attributes:
        slug: Its name in addresses and of its files.
        title: Its French title.
        description: What it holds, in French.
        keywords: Words by which it is found.
        frequency: How often it changes, a key of `FREQUENCIES`.
        kpis: Codes of its KPIs.
        period_types: Types of period.
        breakdown: Dimension and value of the rows; those of the whole by default.
        unprotected: Why small counts may be shown; None where they are hidden.
    """

    slug: str
    title: str
    description: str
    keywords: tuple[str, ...]
    frequency: str
    kpis: tuple[str, ...]
    period_types: tuple[str, ...]
    breakdown: tuple[str, str] = ("total", "total")
    unprotected: str | None = None


@dataclass(frozen=True)
class Declaration:
    """The list, and who signed it.

    Attributes:
        publisher: Who publishes.
        contact: Address of a page to write to.
        landing_page: Address of a dataset, with `{slug}`.
        licence: Name of the licence, as udata has it.
        datasets: What may be published.
        sha256: Of the file.
        signed_by: Function of whoever signed it.
        signed_at: When, ISO 8601.
    """

    publisher: str
    contact: str
    landing_page: str
    licence: str
    datasets: tuple[Dataset, ...]
    sha256: str
    signed_by: str = ""
    signed_at: str = ""


def list_file(home: Home) -> Path:
    """Return the list of the installation, the project's where there is none."""
    own = home.config / "opendata.yml"
    return own if own.exists() else _DEFAULT


def signature_file(home: Home) -> Path:
    return home.config / "opendata.signature.json"


def read(home: Home) -> Declaration:
    """Return the list, whoever signed it.

    Raises:
        ExpectedFailure: it is not a list of datasets.
    """
    file = list_file(home)
    content = file.read_bytes()
    try:
        declared = yaml.safe_load(content)
        datasets = tuple(_dataset(entry) for entry in declared["datasets"])
        heading = {name: str(declared[name]) for name in ("publisher", "contact", "landing_page", "licence")}
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise ExpectedFailure(
            f"{file} n'est pas une liste de jeux de données : {problem}.", "Corrigez-la sur le modèle du projet."
        ) from None
    seen = [code for dataset in datasets for code in dataset.kpis]
    if doubles := sorted({code for code in seen if seen.count(code) > 1}):
        raise ExpectedFailure(
            f"{file} : {', '.join(doubles)} figure dans deux jeux de données.",
            "Gardez-le dans un seul : ce qu'un jeu masque, l'autre le montrerait.",
        )
    return Declaration(datasets=datasets, sha256=hashlib.sha256(content).hexdigest(), **heading)


def _dataset(entry: dict[str, Any]) -> Dataset:
    known = Dataset.__dataclass_fields__
    if unknown := sorted(entry.keys() - known.keys()):
        raise ValueError(f"{', '.join(unknown)} n'existe pas")
    lists = {name: tuple(map(str, entry[name])) for name in ("keywords", "kpis", "period_types")}
    breakdown = entry.get("breakdown") or {"dimension": "total", "value": "total"}
    if entry["frequency"] not in FREQUENCIES or not set(lists["period_types"]) <= set(PERIOD_TYPES):
        raise ValueError(f"{entry['slug']} : fréquence ou type de période inconnu")
    return Dataset(
        slug=str(entry["slug"]),
        title=str(entry["title"]),
        description=" ".join(str(entry["description"]).split()),
        frequency=entry["frequency"],
        breakdown=(breakdown["dimension"], breakdown["value"]),
        unprotected=entry.get("unprotected"),
        **lists,
    )


def read_key(file: Path) -> Ed25519PrivateKey:
    """Return the private key of a signer, PEM, as `openssl genpkey -algorithm ed25519` writes it.

    Raises:
        ExpectedFailure: it is none, or lies in the home.
    """
    if file.resolve().is_relative_to(settings.home().root):
        raise ExpectedFailure(f"{file} est dans CYBERIMPACT_HOME.", "Placez la clé ailleurs.")
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ExpectedFailure(
            f"{file} n'est pas une clé privée Ed25519 sans mot de passe (PEM).",
            "`openssl genpkey -algorithm ed25519 -out FICHIER` en crée une.",
        )
    return key


def sign(home: Home, key: Ed25519PrivateKey, name: str, now: datetime) -> Path:
    """Sign the list as it is now, and return the file of the signature.

    Args:
        home: Whose list.
        key: Of whoever answers for it; its public half is among the signers of the installation.
        name: Their function; never a person's name.
        now: The time.
    """
    content = {"sha256": read(home).sha256, "signed_by": name, "signed_at": now.isoformat(timespec="seconds")}
    settings.make_folder(home.config)
    write_text(signature_file(home), json.dumps({**content, **signing.sign(key, KIND, content)}, indent=2))
    return signature_file(home)


def signed(home: Home) -> Declaration:
    """Return the list, if one of the signers has signed it as it is.

    Raises:
        ExpectedFailure: it is not signed, was changed since, or whoever signed it is not among the signers.
    """
    declaration = read(home)
    file = signature_file(home)
    if not file.exists():
        raise ExpectedFailure("La liste des données ouvertes n'est pas signée.", _SIGN)
    try:
        kept = json.loads(file.read_bytes())
        content = {name: str(kept[name]) for name in ("sha256", "signed_by", "signed_at")}
        key, signature = str(kept["key"]), str(kept["signature"])
    except (ValueError, KeyError, TypeError):
        raise ExpectedFailure(f"{file} n'est pas une signature.", _SIGN) from None
    if content["sha256"] != declaration.sha256:
        raise ExpectedFailure("La liste des données ouvertes a changé depuis sa signature.", _SIGN)
    signers = signing.read_public_keys(Path(settings.require(SIGNERS_SETTING)).expanduser())
    if not any(
        signing.fingerprint(known) == key and signing.is_valid(known, KIND, content, signature) for known in signers
    ):
        raise ExpectedFailure(
            "La signature de la liste n'est celle d'aucune personne habilitée.",
            f"{SIGNERS_SETTING} désigne le fichier de leurs clés publiques.",
        )
    return Declaration(**{**vars(declaration), **{name: content[name] for name in ("signed_by", "signed_at")}})
