"""Renders a trace in French: as text, as JSON, or as one self-contained HTML page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any, NamedTuple

from audit.cells import Figures
from audit.copies import Evaluations
from audit.definitions import FIGURES
from audit.keyring import RetiredKey
from audit.ledger import Entry
from audit.lineage import Column, LineageGraph, rank, title
from audit.tracing import PARIS, HistoryEntry, Trace
from core.errors import ExpectedFailure
from core.french import exact

SUPPRESSED = "non diffusé : trop peu de victimes"

#: Parts of a figure, in the order in which they are read.
_PARTS = {"value": "Valeur", "numerator": "Numérateur", "denominator": "Dénominateur", "observations": "Observations"}

#: Loads and models that the text shows; the page shows all.
_SHOWN = 12


class Section(NamedTuple):
    """A part of the answer: lines of label and value, then a table, then a text that keeps its shape."""

    title: str
    lines: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    code: str = ""


def in_french(value: Any) -> str:
    """Format a value in French; numbers keep all digits."""
    match value:
        case None:
            return "–"
        case bool():
            return "oui" if value else "non"
        case Decimal() | int():
            return exact(value)
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return f"{aware.astimezone(PARIS):%d/%m/%Y %H:%M:%S}"
    return str(value)


def figures_lines(figures: Figures | None) -> list[tuple[str, str]]:
    if figures is None:
        return [("Valeur", "–")]
    if figures.is_suppressed:
        return [("Valeur", SUPPRESSED)]
    return [(label, in_french(getattr(figures, part))) for part, label in _PARTS.items()]


def columns_lines(columns: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(label, ", ".join(columns.get(part, ())) or "aucune") for part, label in _PARTS.items()]


def sections(trace: Trace) -> list[Section]:
    kpi, facts = trace.definition.kpi, trace.entry.facts
    return [
        Section(f"{kpi['label']} : {trace.cell}", [*figures_lines(trace.figures), ("Unité", kpi["unit"])]),
        Section(
            "Définition",
            [
                ("Définition", kpi["definition"].strip()),
                ("Formule", kpi["formula"].strip()),
                ("Responsable", kpi["owner"]),
                ("Cible", in_french(kpi.get("target"))),
            ],
        ),
        Section(
            "Publication qui l'a montré",
            [
                ("Publication", f"{trace.entry.sequence}, {facts['publication_id']}"),
                ("Le", in_french(trace.entry.published_at)),
                ("Version du code", facts["code_version"]),
                ("Exécution Dagster", facts["run_id"]),
                ("Invocation dbt", in_french(facts["dbt_invocation_id"])),
                ("Empreinte des modèles", facts["model_checksum"]),
                ("Manifeste des preuves", facts["manifest"]),
                ("Tête de chaîne", trace.entry.reference),
                ("Sceau", "scellée" if trace.entry.is_sealed else "non scellée"),
            ],
        ),
        Section("Recalcul", [*recomputed_lines(trace), *today_lines(trace)]),
        Section(
            "Enregistrements sources",
            records_lines(trace),
            ["Clés"] if trace.record_keys else [],
            [(key,) for key in trace.record_keys],
        ),
        Section("Colonnes brutes derrière chaque chiffre", columns_lines(trace.definition.columns)),
        Section(
            "Où ce chiffre est affiché",
            [] if shown_in(trace) else [("Tableau de bord", "aucun à cette publication")],
            ["Tableau de bord", "Graphique"],
            shown_in(trace),
        ),
        Section(
            "Chemin des colonnes, du champ de la plateforme à l'indicateur",
            [],
            ["Couche", "Colonne", "Couche suivante", "Colonne qui en est faite"],
            [(title(source), column, title(target), made) for source, column, target, made in trace.definition.steps],
        ),
        Section(
            "Chargements",
            [],
            [
                "Plateforme",
                "Table",
                "Chargement",
                "Fin",
                "Origine",
                "SHA-256",
                "Lues",
                "Nouvelles",
                "Modifiées",
                "Écartées",
            ],
            trace.loads,
        ),
        Section(
            "Chaîne des modèles",
            [],
            ["Table", "Fichier", "État", "Construite le", "Contrôles réussis", "Contrôles"],
            trace.models,
        ),
        Section("Contrôles qui n'ont pas simplement réussi", [], ["Contrôle", "État"], trace.checks),
        Section(
            "Évaluations récentes de ces contrôles",
            evaluations_lines(trace.evaluations),
            ["Contrôle", "Table", "État", "Évalué le", "Exécution"],
            trace.evaluations.failed if trace.evaluations else [],
        ),
        Section("SQL compilé", code=trace.definition.sql),
    ]


def shown_in(trace: Trace) -> list[tuple[str, str]]:
    return [(dashboard, chart) for dashboard, chart in trace.definition.shown]


def records_lines(trace: Trace) -> list[tuple[str, str]]:
    if trace.records is None:
        why = SUPPRESSED if trace.figures.is_suppressed else "les preuves ne sont plus conservées"
        return [("Nombre exact", why)]
    number = ("Nombre exact", in_french(trace.records))
    if not trace.record_keys:
        return [number, ("Clés", "non montrées : elles compteraient de petits effectifs de victimes")]
    return [number, ("Page", f"{trace.page} sur {in_french(trace.pages)} (--page)")] if trace.pages > 1 else [number]


def recomputed_lines(trace: Trace) -> list[tuple[str, str]]:
    if trace.is_archived:
        why = "valeur archivée : ses enregistrements ont été purgés au terme de leur conservation"
        return [("Depuis les preuves", f"{why} ; le recalcul n'est plus possible")]
    if trace.removed:
        return [*removed_lines(trace), ("Depuis les preuves", "le recalcul n'est plus possible")]
    if trace.recomputed is None:
        return [("Depuis les preuves", "DIFFÈRE : le recalcul ne donne aucune ligne")]
    if trace.figures.is_suppressed:
        same = "également retenu" if trace.agrees else "DIFFÈRE : le recalcul ne retient pas ce chiffre"
        return [("Depuis les preuves", same)]
    verdict = "égal au dernier chiffre" if trace.agrees else "DIFFÈRE de ce qui a été publié"
    return [("Depuis les preuves", f"{in_french(trace.recomputed.value)} ({verdict})")]


def removed_lines(trace: Trace) -> list[tuple[str, str]]:
    """Return what is no longer kept, and what can still be proved without it."""
    lines = [
        (
            f"Observations de {month}",
            f"effacées le {in_french(datetime.fromisoformat(removal.removed_at))} : {removal.reason} ; empreinte "
            f"{removal.sha256}"
            if removal
            else "absentes, sans que leur effacement soit consigné : lancez « cyberimpact audit verify »",
        )
        for month, removal in trace.removed
    ]
    proved = "la valeur affichée, sa date et son code, par le registre ; la définition, le SQL et les chargements"
    return [*lines, ("Reste prouvé", proved), ("Ne l'est plus", "le recalcul et la liste des enregistrements")]


def today_lines(trace: Trace) -> list[tuple[str, str]]:
    now = trace.today
    if now.waits:
        return [("Depuis l'entrepôt d'aujourd'hui", now.waits)]
    value = "aucune ligne" if now.figures is None else in_french(now.figures.value)
    if not (now.late or now.gone or now.edited):
        return [("Depuis l'entrepôt d'aujourd'hui", f"{value} (mêmes enregistrements)")]
    changed = f"{now.late} arrivés, {now.edited} modifiés, {now.gone} disparus depuis"
    return [("Depuis l'entrepôt d'aujourd'hui", f"{value} ({changed})")]


def evaluations_lines(found: Evaluations | None) -> list[tuple[str, str]]:
    if found is None:
        return [("Historique", "la copie publiée n'en dit rien ; une publication y remédie")]
    if found.since is None:
        return [("Historique", "aucune évaluation récente")]
    failed = f"{in_french(len(found.failed))} sans succès" if found.failed else "toutes réussies"
    return [(f"Depuis le {in_french(found.since)}", f"{in_french(found.count)} évaluations, {failed}")]


def as_text(trace: Trace) -> str:
    return "\n".join(line for section in sections(trace) for line in text_lines(section))


def text_lines(section: Section) -> Iterable[str]:
    if not (section.lines or section.rows or section.code):
        return
    yield f"\n# {section.title}"
    yield from (f"{label} : {value}" for label, value in section.lines)
    if section.rows:
        yield " | ".join(section.columns)
        yield from (" | ".join(in_french(value) for value in row) for row in section.rows[:_SHOWN])
    if len(section.rows) > _SHOWN:
        yield f"… et {len(section.rows) - _SHOWN} autres (--json ou --html les donnent tous)"
    if section.code:
        yield from (line for line in section.code.splitlines() if line.strip())


STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1e1e1e}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;border-bottom:1px solid #ccc}dt{font-weight:600}"
    "dl{display:grid;grid-template-columns:13rem 1fr;gap:.2rem 1rem;margin:0}dd{margin:0;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;font-size:.85rem}td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;"
    "overflow-wrap:anywhere}pre{background:#f4f4f4;padding:1rem;overflow:auto;font-size:.8rem}"
)


def as_html(trace: Trace) -> str:
    """Return a trace as one page without script, picture or link."""
    body = "".join(html_of(section) for section in sections(trace) if section.lines or section.rows or section.code)
    title = escape(f"{trace.definition.kpi['label']} : {trace.cell}")
    return (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><h1>D'où vient ce chiffre ?</h1>{body}</body></html>\n"
    )


def html_of(section: Section) -> str:
    lines = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in section.lines)
    head = "".join(f"<th>{escape(column)}</th>" for column in section.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(in_french(value))}</td>" for value in row) + "</tr>" for row in section.rows
    )
    table = f"<table><tr>{head}</tr>{rows}</table>" if section.rows else ""
    code = f"<details><summary>Afficher</summary><pre>{escape(section.code)}</pre></details>" if section.code else ""
    return f"<h2>{escape(section.title)}</h2>{f'<dl>{lines}</dl>' if lines else ''}{table}{code}"


def as_json(trace: Trace) -> dict[str, Any]:
    """Return a trace for a program; what is suppressed stays null."""
    return {
        "cell": {
            "kpi_code": trace.cell.code,
            "period": str(trace.cell.period),
            "territory_level": trace.level,
            "territory_code": trace.cell.territory,
            "breakdown_dimension": trace.cell.dimension,
            "breakdown_value": trace.cell.breakdown,
        },
        "published": asdict(trace.figures),
        "recomputed": None if trace.recomputed is None else asdict(trace.recomputed),
        "agrees": trace.agrees,
        "is_archived": trace.is_archived,
        "today": asdict(trace.today),
        "removed": [
            {"month": month, "removal": asdict(removal) if removal else None} for month, removal in trace.removed
        ],
        "publication": {**trace.entry.facts, "head": trace.entry.reference, "is_sealed": trace.entry.is_sealed},
        "definition": trace.definition.to_json(),
        "models": trace.models,
        "checks": trace.checks,
        "evaluations": asdict(trace.evaluations) if trace.evaluations else None,
        "loads": trace.loads,
        "records": trace.records,
        "page": trace.page,
        "pages": trace.pages,
        "record_keys": trace.record_keys,
    }


def history_lines(shown: Sequence[HistoryEntry]) -> Iterable[str]:
    """Yield what was displayed of a cell, one publication that changed it a line."""
    for step in shown:
        value = "retiré" if step.figures is None else figures_lines(step.figures)[0][1]
        why = "première publication" if not step.causes else " ; ".join(step.causes)
        yield f"{in_french(step.entry.published_at)}  publication {step.entry.sequence} : {value} ({why})"


def key_lines(known: Sequence[Entry], retired: Sequence[RetiredKey]) -> Iterable[str]:
    """Yield which key signed which publications, the first key first."""
    until = {key.fingerprint: f" ; remplacée le {in_french(datetime.fromisoformat(key.until))}" for key in retired}
    for fingerprint in dict.fromkeys(entry.key for entry in known if entry.key):
        signed = [entry for entry in known if entry.key == fingerprint]
        first, last = signed[0], signed[-1]
        yield (
            f"Clé {fingerprint} : publications {first.sequence} à {last.sequence}, "
            f"du {in_french(first.published_at)} au {in_french(last.published_at)}{until.get(fingerprint, '')}"
        )


def lineage_lines(graph: LineageGraph, code: str | None) -> Iterable[str]:
    """Yield the edges upstream and downstream of the figures of a KPI, or the number of edges between layers.

    Raises:
        ExpectedFailure: there is no such KPI.
    """
    if code is None:
        counted = Counter((edge.source.layer, edge.target.layer) for edge in graph.edges)
        for (source, target), number in sorted(counted.items(), key=lambda item: [rank(name) for name in item[0]]):
            yield f"{title(source)} → {title(target)} : {number} pas"
        return
    tables = {column.table for column in graph.columns if column.layer == "kpi" and column.name == "value"}
    known = sorted(table.removeprefix("kpi.kpi_") for table in tables - {"kpi.kpi_value"})
    if code not in known:
        raise ExpectedFailure(f"L'indicateur « {code} » n'a pas de chemin connu.", f"Connus : {', '.join(known)}.")
    for figure in FIGURES:
        start = Column("kpi", f"kpi.kpi_{code}", figure)
        yield f"# {figure}"
        if not graph.into(start):
            yield "aucune colonne : ce chiffre n'existe pas pour cet indicateur"
        for source, target in graph.upstream(start):
            yield f"{title(source.layer)} {source} → {title(target.layer)} {target}"
