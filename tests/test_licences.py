"""The licences of what the platform installs: none binds somebody who changes it, or runs it for others."""

import re
from importlib.metadata import distributions, metadata

from core.settings import CHECKOUT

COPYLEFT = re.compile(r"\bA?GPL|Affero|GNU General Public")
MANY = 100


def locked(name: str) -> list[str]:
    """Return the packages of a lock."""
    text = (CHECKOUT / "requirements" / f"{name}.lock").read_text("utf-8")
    return re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)


def installed() -> set[str]:
    """Return the packages of this environment; some of a lock are for other systems."""
    return {re.sub(r"[-_.]+", "-", found.name).lower() for found in distributions()}


def licences(package: str) -> list[str]:
    """Return what a package says of its licence: an expression, or else its classifiers, or else free text."""
    said = metadata(package)
    classifiers = [text for text in said.get_all("Classifier", []) if text.startswith("License ::")]
    return said.get_all("License-Expression") or classifiers or said.get_all("License") or [""]


def refused(said: list[str]) -> bool:
    """Return whether every licence that a package offers is copyleft."""
    return all(COPYLEFT.search(licence) for licence in said)


def test_a_copyleft_licence_is_recognised():
    assert refused(["GPL-3.0-only"])
    assert refused(["License :: OSI Approved :: GNU Affero General Public License v3"])
    assert not refused(["LGPL-3.0-only"])
    assert not refused(["MIT", "GPL-2.0-only"])


def test_the_licence_of_no_package_binds_who_changes_the_platform():
    found = {package: licences(package) for package in locked("platform") if package in installed()}
    assert len(found) > MANY
    assert [package for package, said in found.items() if refused(said)] == []
