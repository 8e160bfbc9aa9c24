"""Maps the claims of an OpenID Connect issuer to roles, by `policies/oidc.yml`."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class Roles:
    """The rules of one deployment.

    Args:
        policies: The file of the rules.
        territories: The seed that knows the code of each département.
    """

    def __init__(self, policies: Path, territories: Path) -> None:
        rules = yaml.safe_load(policies.read_text(encoding="utf-8"))
        self.claim: str = rules["claim"]
        self._values: Mapping[str, list[str]] = rules["values"] or {}
        self._patterns = [(re.compile(rule["pattern"]), rule["role"]) for rule in rules["patterns"] or []]
        with territories.open(encoding="utf-8", newline="") as stream:
            self._codes = {row["departement_code"]: row["territory_code"] for row in csv.DictReader(stream)}

    def given(self, claims: Mapping[str, Any]) -> set[str]:
        """Return the names of the roles that claims give; none for a unit that no rule knows."""
        values = claims.get(self.claim) or []
        units = [values] if isinstance(values, str) else values
        return {role for unit in units for role in self._of_unit(str(unit).strip())}

    def _of_unit(self, unit: str) -> list[str]:
        if unit in self._values:
            return self._values[unit]
        for pattern, role in self._patterns:
            if found := pattern.fullmatch(unit):
                groups = dict(found.groupdict())
                if "departement" in groups:
                    groups["departement"] = self._codes.get(groups["departement"], "")
                return [role.format(**groups)] if all(groups.values()) else []
        return []
