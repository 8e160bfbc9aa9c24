"""The KPIs that an action targets: those that it names, else those that `targets.yml` proposes for its kind."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("targets.yml")


@cache
def mapping() -> dict[str, Any]:
    """Return the declared mapping: `themes`, `kinds`, `answering`, `platforms`, `windows`."""
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))


def targets(named: str | None, theme: str | None, *kinds: str | None) -> tuple[frozenset[str], bool]:
    """Return the codes of the KPIs of an action, and whether the mapping has proposed them.

    Args:
        named: Codes that the register gives, separated by commas or semicolons.
        theme: Theme of the action.
        kinds: Kind of the action, and its type where prevention has several.
    """
    codes = [code.strip() for code in (named or "").replace(";", ",").split(",") if code.strip()]
    if codes:
        return frozenset(codes), False
    by_kind = [code for kind in kinds for code in mapping()["kinds"].get(kind) or []]
    return frozenset([*(mapping()["themes"].get(theme) or []), *by_kind]), True


def answers_to_events(kind: str | None) -> bool:
    """Return whether actions of a kind answer to what happens, which may itself have moved the KPI."""
    return kind in mapping()["answering"]
