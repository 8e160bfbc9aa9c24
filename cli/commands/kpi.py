"""The `kpi` commands, in French: definitions from the dbt project, values from the published copy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from core.errors import ExpectedFailure
from core.settings import Home
from warehouse import dbt_project, published

#: By the month, and a KPI without months by the finest of its longer periods. A row that is suppressed counts; what is
#: dated after the data as a whole does not.
LATEST = """
    select kpi_code, period_type, period_start, value, is_suppressed
    from kpi.kpi_value
    where
        period_type in ('month', 'quarter', 'year')
        and territory_code = 'FR'
        and breakdown_dimension = 'total'
        and (value is not null or is_suppressed)
        and period_start <= coalesce((select data_as_of from audit.publication), period_start)
    qualify
        row_number() over (
            partition by kpi_code
            order by list_position(['month', 'quarter', 'year'], period_type), period_start desc
        ) = 1
"""

#: Why KPIs are held back, by code; a copy of an older version cannot say.
HELD_BACK = "select kpi_code, held_back_note from kpi.kpi_catalogue where held_back_note is not null"

LABELS = {
    "code": "Code",
    "label": "Indicateur",
    "pillar": "Pilier",
    "definition": "Définition",
    "formula": "Formule",
    "unit": "Unité",
    "direction": "Sens",
    "target": "Cible",
    "owner": "Responsable",
    "refresh": "Mise à jour",
    "sensitivity": "Sensibilité",
    "territory_of": "Territoire compté",
    "latest_period": "Dernière période publiée",
    "latest_value": "Valeur de cette période, France",
    "held_back_note": "Mise en garde",
}

#: How declared values are said to a reader.
FRENCH = {
    ("pillar", "visibility"): "visibilité",
    ("pillar", "perception"): "perception",
    ("pillar", "actors"): "acteurs",
    ("direction", "up"): "une hausse est favorable",
    ("direction", "down"): "une baisse est favorable",
    ("direction", "neutral"): "ni hausse ni baisse n'est favorable en soi",
    ("sensitivity", "public"): "publique",
    ("sensitivity", "internal"): "interne",
    ("sensitivity", "personal"): "personnelle",
    ("territory_of", "citizen"): "celui du citoyen",
    ("territory_of", "unit"): "celui de l'unité",
    ("territory_of", "account"): "celui du compte",
}

SUPPRESSED = "non diffusée : trop peu de victimes"


@dataclass(frozen=True)
class Latest:
    """The latest published row of a KPI for the whole nation.

    Args:
        period: `2026-10`, `2026-Q4` or `2026`.
        value: In the unit of the KPI; None where the row is suppressed.
        is_suppressed: Whether too few victims stand behind it.
    """

    period: str
    value: float | None
    is_suppressed: bool


@dataclass(frozen=True)
class Kpi:
    """A governed KPI with its latest value for the whole nation, None before anything is published."""

    code: str
    pillar: str
    label: str
    definition: str
    formula: str
    unit: str
    direction: str
    target: float | None
    owner: str
    refresh: str
    sensitivity: str
    territory_of: str
    grain: Mapping[str, Any]
    latest_period: str | None = None
    latest_value: float | None = None
    is_suppressed: bool = False
    held_back_note: str | None = None

    def as_lines(self) -> list[tuple[str, str]]:
        """Return the definition as a reader sees it: French label, French value."""
        values = {name: getattr(self, name) for name in LABELS if name != "held_back_note" or self.held_back_note}
        if self.is_suppressed:
            values["latest_value"] = SUPPRESSED
        return [
            (LABELS[name], "–" if value is None else str(FRENCH.get((name, value), value)))
            for name, value in values.items()
        ]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def definitions() -> list[dict[str, Any]]:
    """Return `meta.kpi` of every KPI, by code."""
    metas = (dbt_project.meta(node).get("kpi") for node in dbt_project.read_manifest()["nodes"].values())
    return sorted((meta for meta in metas if meta), key=lambda meta: meta["code"])


def period_name(period_type: str, start: date) -> str:
    """Return a period as the command line names it."""
    if period_type == "year":
        return f"{start:%Y}"
    return f"{start:%Y}-Q{(start.month + 2) // 3}" if period_type == "quarter" else f"{start:%Y-%m}"


def latest(home: Home) -> dict[str, Latest]:
    """Return the latest row by KPI code; empty before anything is published."""
    try:
        connection = published.connect(home)
    except ExpectedFailure:
        return {}
    with connection:
        rows = connection.execute(LATEST).fetchall()
    return {
        code: Latest(period_name(period_type, start), None if value is None else float(value), suppressed)
        for code, period_type, start, value, suppressed in rows
    }


def held_back(home: Home) -> dict[str, str]:
    """Return by code why a KPI shows former values or none; empty before anything is published."""
    try:
        with published.connect(home) as connection:
            return dict(connection.execute(HELD_BACK).fetchall())
    except (ExpectedFailure, duckdb.CatalogException, duckdb.BinderException):
        return {}


def catalogue(home: Home) -> list[Kpi]:
    """Return every KPI, with its latest value where one is published, and a warning where it is held back."""
    rows, notes = latest(home), held_back(home)
    found = []
    for meta in definitions():
        known: dict[str, Any] = {name: meta[name] for name in Kpi.__dataclass_fields__ if name in meta}
        row = rows.get(meta["code"])
        if row:
            known |= {"latest_period": row.period, "latest_value": row.value, "is_suppressed": row.is_suppressed}
        known["held_back_note"] = notes.get(meta["code"])
        found.append(Kpi(**known))
    return found


def find(home: Home, code: str) -> Kpi:
    """Return one KPI.

    Raises:
        ExpectedFailure: there is no such code; the message lists those that exist.
    """
    known = {kpi.code: kpi for kpi in catalogue(home)}
    if code not in known:
        raise ExpectedFailure(f"L'indicateur « {code} » n'existe pas.", f"Indicateurs connus : {', '.join(known)}.")
    return known[code]
