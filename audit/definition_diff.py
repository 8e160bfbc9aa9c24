"""Compares the definitions of KPIs in two versions of the code."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot

from audit.definitions import KpiDefinition

DIALECT = "duckdb"

#: What of `meta.kpi` says what the figure means, with the name that a French reader is shown.
TEXTS = {
    "label": "libellé",
    "definition": "définition",
    "formula": "formule",
    "unit": "unité",
    "direction": "sens favorable",
    "territory_of": "territoire de",
    "grain": "niveaux et ventilations",
}

#: What of it may change without the figure meaning something else.
CIRCUMSTANCES = {
    "owner": "responsable",
    "target": "cible",
    "threshold": "seuil",
    "refresh": "mise à jour",
    "aggregation": "cumul",
    "min_observations": "effectif minimal",
    "observed": "effectif",
    "interval": "intervalle",
}

Definitions = Mapping[str, KpiDefinition]


@dataclass(frozen=True)
class Change:
    """What differs of one KPI.

    Attributes:
        code: The KPI.
        label: Its name, the later one where both versions have it.
        kind: `ajouté`, `retiré` or `modifié`.
        meanings: What makes the figure mean something else, in French.
        circumstances: What else differs, in French.
        shown: Dashboard and chart that show the KPI in either version.
    """

    code: str
    label: str
    kind: str
    meanings: tuple[str, ...]
    circumstances: tuple[str, ...]
    shown: tuple[tuple[str, str], ...]

    @property
    def wants_a_line(self) -> bool:
        """Whether the changelog must mention it: the figure means something else, or is gone."""
        return self.kind == "retiré" or bool(self.meanings)

    def lines(self) -> Iterator[str]:
        yield f"{self.code} ({self.label}) : {self.kind}"
        yield from (f"  sens : {text}" for text in self.meanings)
        yield from (f"  autre : {text}" for text in self.circumstances)
        yield from (f"  affiché : {dashboard}, {chart}" for dashboard, chart in self.shown)


def differences(former: Definitions, later: Definitions) -> list[Change]:
    """Return what differs between two versions, KPI by KPI, in the order of their codes."""
    found = []
    for code in sorted(former.keys() | later.keys()):
        before, after = former.get(code), later.get(code)
        versions = [version for version in (before, after) if version]
        shown = {(dashboard, chart) for version in versions for dashboard, chart in version.shown}
        if before and after:
            meanings, circumstances = tuple(meaning(before, after)), tuple(circumstance(before, after))
            if not (meanings or circumstances):
                continue
            kind = "modifié"
        else:
            meanings, circumstances, kind = (), (), "ajouté" if after else "retiré"
        label = versions[-1].kpi["label"]
        found.append(Change(code, label, kind, meanings, circumstances, tuple(sorted(shown))))
    return found


def meaning(before: KpiDefinition, after: KpiDefinition) -> Iterator[str]:
    """Yield what makes a figure mean something else."""
    yield from texts(before.kpi, after.kpi, TEXTS)
    if normal(before.sql) != normal(after.sql):
        yield "calcul : le SQL de l'indicateur change"
    if model(before, before.observations) != model(after, after.observations):
        yield "calcul : le choix des observations change"
    for figure in sorted(before.columns.keys() | after.columns.keys()):
        old, new = (set(definition.columns.get(figure, ())) for definition in (before, after))
        if gone := sorted(old - new):
            yield f"provenance : {figure} ne vient plus de {', '.join(gone)}"
        if come := sorted(new - old):
            yield f"provenance : {figure} vient aussi de {', '.join(come)}"


def circumstance(before: KpiDefinition, after: KpiDefinition) -> Iterator[str]:
    """Yield what else differs."""
    yield from texts(before.kpi, after.kpi, CIRCUMSTANCES)
    own = {name for definition in (before, after) for name in (definition.relation, definition.observations)}
    relations = {known["relation"] for definition in (before, after) for known in definition.models.values()} - own
    changed = sorted(name for name in relations if model(before, name) != model(after, name))
    if changed:
        yield f"tables en amont modifiées : {', '.join(changed)}"
    old, new = ({tuple(place) for place in definition.shown} for definition in (before, after))
    yield from (f"plus affiché : {dashboard}, {chart}" for dashboard, chart in sorted(old - new))
    yield from (f"désormais affiché : {dashboard}, {chart}" for dashboard, chart in sorted(new - old))


def texts(before: Mapping[str, Any], after: Mapping[str, Any], fields: Mapping[str, str]) -> Iterator[str]:
    for field, name in fields.items():
        old, new = (plain(definition.get(field)) for definition in (before, after))
        if old != new:
            yield f"{name} : « {old} » devient « {new} »"


def plain(value: Any) -> str:
    """Return a declared value on one line, so that neither its layout nor the order of its keys makes a difference."""
    if isinstance(value, Mapping | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return "–" if value is None else " ".join(str(value).split())


def model(definition: KpiDefinition, relation: str) -> str | None:
    return next((known["sha256"] for known in definition.models.values() if known["relation"] == relation), None)


def normal(sql: str) -> str:
    """Return SQL without comments and layout."""
    return sqlglot.parse_one(sql, dialect=DIALECT).sql(dialect=DIALECT, comments=False)
