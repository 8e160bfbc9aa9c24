"""Renders a trace in French: as text, as JSON, or as one self-contained HTML page."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any, NamedTuple

from audit import keyring, ledger, signing
from audit.cells import Figures
from audit.copies import Evaluations
from audit.definitions import FIGURES, KpiDefinition, by_table
from audit.history import HistoryEntry
from audit.keyring import RetiredKey
from audit.ledger import Entry
from audit.lineage import ROWS, SOURCES, Column, Kind, LineageGraph, rank, title
from audit.tracing import Load, Model, Provenance, PublishedCell, Recomputation, Records, Sources, Trace
from audit.verifying import Verdict
from core.errors import ExpectedFailure
from core.french import exact, full_reading, moment
from core.settings import Home

SUPPRESSED = "non diffusé : trop peu de victimes"

#: Parts of a figure, in the order in which they are read.
_PARTS = {"value": "Valeur", "numerator": "Numérateur", "denominator": "Dénominateur", "observations": "Observations"}

#: Loads and models that the text shows; the page shows all.
_SHOWN = 12


#: The columns of a record, and the dimensions of breakdowns, as a French reader is shown them.
COLUMNS = {
    "record_key": "Clé",
    "occurred_on": "Jour",
    "territory_code": "Territoire",
    "numerator": "Numérateur",
    "denominator": "Dénominateur",
    "account_scope": "Périmètre du compte",
    "age_class": "Classe d'âge",
    "audience": "Public",
    "category": "Catégorie",
    "channel": "Canal",
    "crisis_kind": "Nature de la crise",
    "device": "Appareil",
    "handover": "Orientation",
    "hour": "Heure",
    "listing_action": "Action sur la fiche",
    "network": "Réseau",
    "outcome": "Suite donnée",
    "person_type": "Type de personne",
    "platform": "Plateforme",
    "publisher": "Annuaire",
    "scope": "Périmètre",
    "service": "Service",
    "site": "Site",
    "store": "Magasin d'applications",
    "sub_site": "Sous-site",
    "targeted_kpi": "Indicateur visé",
    "theme": "Thème",
    "threat": "Menace",
    "traffic_source": "Origine des visites",
    "verbatim_theme": "Thème du verbatim",
    "victim_type": "Type de victime",
    "weekday_hour": "Jour et heure",
}


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
            return f"{moment(aware)}\u00a0min\u00a0{aware:%S}\u00a0s"
    return str(value)


def value_of(figures: Figures, unit: str) -> str:
    if figures.is_suppressed:
        return SUPPRESSED
    return "–" if figures.value is None else full_reading(figures.value, unit)


def figures_lines(shown: PublishedCell) -> list[tuple[str, str]]:
    """Return the value in its unit and, unless it is suppressed, what it is made of."""
    figures = shown.figures
    counted = [] if figures.is_suppressed else list(_PARTS.items())[1:]
    return [
        (_PARTS["value"], value_of(figures, shown.unit)),
        *((label, in_french(getattr(figures, part))) for part, label in counted),
    ]


def columns_section(definition: KpiDefinition, found: Sources) -> Section:
    """Return the raw columns behind a figure by table: those that enter its value, those that decide its rows."""
    title = "Colonnes brutes derrière chaque chiffre"
    if not definition.deciding:
        parts = [(label, ", ".join(definition.columns.get(part, ())) or "aucune") for part, label in _PARTS.items()]
        unsaid = "cette publication ne dit pas ce qui joint, choisit ou compte les lignes ; lisez le SQL compilé"
        return Section(title, [*parts, ("À savoir", unsaid)])
    entering, deciding = by_table(definition.entering), by_table(definition.deciding)
    tables = sorted(entering.keys() | deciding.keys(), key=lambda table: (not table.startswith("raw_"), table))
    return Section(
        title,
        sources_lines(found),
        ["Table", "Entrent dans la valeur", "Décident des lignes comptées"],
        [(table, listed(entering.get(table)), listed(deciding.get(table))) for table in tables],
    )


def listed(names: Sequence[str] | None) -> str | None:
    return ", ".join("toutes ses lignes" if name == ROWS else name for name in names) if names else None


def sources_lines(found: Sources) -> list[tuple[str, str]]:
    """Return which raw tables the records of a figure come from."""
    if not found.tables:
        return []
    if found.records is None:
        read = " ou ".join(found.tables) if len(found.tables) > 1 else f"tous de {found.tables[0]}"
    else:
        counted = [f"{in_french(number or 'aucun')} de {table}" for table, number in found.records.items()]
        elsewhere = [f"non cherchés dans {table}" for table in found.tables if table not in found.records]
        lost = [f"introuvables dans les données brutes d'aujourd'hui : {in_french(found.unknown)}"]
        read = ", ".join([*counted, *elsewhere, *(lost if found.unknown else [])])
    return [("D'où viennent ses enregistrements", read), *(("Fichier du lac", file) for file in lake_files(found))]


def lake_files(found: Sources) -> list[str]:
    """Return what to say of each file of the lake that holds records of a figure, and of tables not looked into."""
    return [
        *(f"{file}, enregistrements : {in_french(count)}, SHA-256 {sha256}" for file, _, sha256, count in found.files),
        *(f"{table} : fichiers non cherchés : {why}" for table, why in found.not_asked.items()),
    ]


def sections(trace: Trace) -> list[Section]:
    shown, made = trace.shown, trace.provenance
    return [
        Section(name_of(shown), [*figures_lines(shown), ("Unité", shown.unit)]),
        Section("Définition", definition_lines(shown)),
        Section("Publication qui l'a montré", publication_lines(shown.entry)),
        Section(
            "Recalcul",
            [*recomputed_lines(trace.recomputation, shown.unit), *today_lines(trace.recomputation, shown.unit)],
        ),
        records_section(shown, trace.records),
        columns_section(shown.definition, trace.sources),
        shown_section(shown),
        steps_section(shown),
        *provenance_sections(made),
        Section("SQL compilé", code=shown.definition.sql),
    ]


def name_of(shown: PublishedCell) -> str:
    return f"{shown.definition.kpi['label']} : {shown.cell}"


def definition_lines(shown: PublishedCell) -> list[tuple[str, str]]:
    kpi = shown.definition.kpi
    return [
        ("Définition", kpi["definition"].strip()),
        ("Formule", kpi["formula"].strip()),
        ("Responsable", kpi["owner"]),
        ("Cible", target(shown)),
    ]


def target(shown: PublishedCell) -> str:
    """Return what a KPI is meant to reach."""
    goal = shown.definition.kpi.get("target")
    return "–" if goal is None else full_reading(Decimal(str(goal)), shown.unit)


def publication_lines(entry: Entry) -> list[tuple[str, str]]:
    facts = entry.facts
    return [
        ("Publication", f"{entry.sequence}, {facts['publication_id']}"),
        ("Le", in_french(entry.published_at)),
        ("Version du code", facts["code_version"]),
        ("Exécution Dagster", facts["run_id"]),
        ("Invocation dbt", in_french(facts["dbt_invocation_id"])),
        ("Empreinte des modèles", facts["model_checksum"]),
        ("Manifeste des preuves", facts["manifest"]),
        ("Tête de chaîne", entry.reference),
        ("Sceau", "scellée" if entry.is_sealed else "non scellée"),
    ]


def shown_section(shown: PublishedCell) -> Section:
    places = [(dashboard, chart) for dashboard, chart in shown.definition.shown]
    nowhere = [] if places else [("Tableau de bord", "aucun à cette publication")]
    return Section("Où ce chiffre est affiché", nowhere, ["Tableau de bord", "Graphique"], places)


def steps_section(shown: PublishedCell) -> Section:
    return Section(
        "Chemin des colonnes, du champ de la plateforme à l'indicateur",
        [],
        ["Couche", "Colonne", "Couche suivante", "Colonne qui en est faite"],
        [(title(source), column, title(target), made) for source, column, target, made in shown.definition.steps],
    )


def provenance_sections(made: Provenance) -> list[Section]:
    return [
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
            [load_row(load) for load in made.loads],
        ),
        Section(
            "Chaîne des modèles",
            [],
            ["Table", "Fichier", "État", "Construite le", "Contrôles réussis", "Contrôles"],
            [model_row(model) for model in made.models],
        ),
        Section("Contrôles qui n'ont pas simplement réussi", [], ["Contrôle", "État"], made.checks),
        Section(
            "Évaluations récentes de ces contrôles",
            evaluations_lines(made.evaluations),
            ["Contrôle", "Table", "État", "Évalué le", "Exécution"],
            made.evaluations.failed if made.evaluations else [],
        ),
    ]


def load_row(load: Load) -> tuple:
    """Return a load in the order in which it is read."""
    rows = (load.rows_read, load.rows_new, load.rows_updated, load.rows_quarantined)
    return (load.platform, load.entity, load.load_key, load.finished_at, load.origin, load.sha256, *rows)


def model_row(model: Model) -> tuple:
    return (model.relation, model.file, model.state, model.finished_at, model.passed, model.checks)


def records_section(shown: PublishedCell, records: Records) -> Section:
    pages = [("Page", f"{records.page} sur {in_french(records.pages)} (--page)")] if records.pages > 1 else []
    lines = [*records_lines(shown, records), *(pages if records.rows else [])]
    return Section("Enregistrements sources", lines, ["Clés"] if records.rows else [], [(key,) for key in records.keys])


def records_lines(shown: PublishedCell, records: Records) -> list[tuple[str, str]]:
    if records.number is None:
        if shown.figures.is_suppressed:
            why = SUPPRESSED
        elif records.is_part:
            why = "non montré : le chiffre compte de petits effectifs de victimes"
        else:
            why = "les preuves ne sont plus conservées"
        return [("Nombre exact", why)]
    if shown.is_by_day:
        kept = f"dont la preuve garde les empreintes ({shown.raw_files})"
        where = f"lors de la publication, dans les fichiers bruts du lac, {kept}"
        return [("Totaux journaliers", in_french(records.number)), ("Enregistrements", where)]
    label = "Nombre, dans votre territoire" if records.is_part else "Nombre exact"
    number = (label, in_french(records.number))
    if records.number and not records.rows:
        return [number, ("Clés", "non montrées : elles compteraient de petits effectifs de victimes")]
    return [number]


def column(name: str) -> str:
    """Return the French name of a column of records, or of a dimension; one that has none yet is shown by its own."""
    return COLUMNS.get(name, name)


def recomputed_lines(found: Recomputation, unit: str) -> list[tuple[str, str]]:
    if found.is_archived:
        why = "valeur archivée : ses enregistrements ont été purgés au terme de leur conservation"
        return [("Depuis les preuves", f"{why} ; le recalcul n'est plus possible")]
    if found.removed:
        return [*removed_lines(found), ("Depuis les preuves", "le recalcul n'est plus possible")]
    return [("Depuis les preuves", verdict_of(found, unit))]


def verdict_of(found: Recomputation, unit: str) -> str:
    """Return in words what the evidence gives."""
    if found.is_withheld:
        return "DIFFÈRE de ce qui a été publié ; le résultat n'est pas montré"
    if found.figures is None:
        return "DIFFÈRE : le recalcul ne donne aucune ligne"
    if found.figures.is_suppressed:
        return "également retenu" if found.agrees else "DIFFÈRE : le recalcul retient ce chiffre"
    verdict = "égal au dernier chiffre" if found.agrees else "DIFFÈRE de ce qui a été publié"
    return f"{value_of(found.figures, unit)} ({verdict})"


def removed_lines(found: Recomputation) -> list[tuple[str, str]]:
    """Return what is no longer kept, and what can still be proved without it."""
    lines = [
        (
            f"Observations de {month}",
            f"effacées le {in_french(datetime.fromisoformat(removal.removed_at))} : {removal.reason} ; empreinte "
            f"{removal.sha256}"
            if removal
            else "absentes, sans que leur effacement soit consigné : lancez « cyberimpact audit verify »",
        )
        for month, removal in found.removed
    ]
    proved = "la valeur affichée, sa date et son code, par le registre ; la définition, le SQL et les chargements"
    return [*lines, ("Reste prouvé", proved), ("Ne l'est plus", "le recalcul et la liste des enregistrements")]


def today_lines(found: Recomputation, unit: str) -> list[tuple[str, str]]:
    now = found.today
    if now.waits:
        return [("Depuis l'entrepôt d'aujourd'hui", now.waits)]
    value = "aucune ligne" if now.figures is None else value_of(now.figures, unit)
    if not (now.late or now.gone or now.edited):
        return [("Depuis l'entrepôt d'aujourd'hui", f"{value} (sans changement)")]
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
    title = escape(name_of(trace.shown))
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
    shown, made, found, records = trace.shown, trace.provenance, trace.recomputation, trace.records
    cell, entry = shown.cell, shown.entry
    return {
        "cell": {
            "kpi_code": cell.code,
            "period": str(cell.period),
            "territory_level": shown.level,
            "territory_code": cell.territory,
            "breakdown_dimension": cell.dimension,
            "breakdown_value": cell.breakdown,
        },
        "published": asdict(shown.figures),
        "recomputed": None if found.figures is None else asdict(found.figures),
        "agrees": found.agrees,
        "is_archived": found.is_archived,
        "today": asdict(found.today),
        "removed": [
            {"month": month, "removal": asdict(removal) if removal else None} for month, removal in found.removed
        ],
        "publication": {**entry.facts, "head": entry.reference, "is_sealed": entry.is_sealed},
        "definition": shown.definition.to_json(),
        "models": [model_row(model) for model in made.models],
        "checks": made.checks,
        "evaluations": asdict(made.evaluations) if made.evaluations else None,
        "loads": [load_row(load) for load in made.loads],
        "records": records.number,
        "page": records.page,
        "pages": records.pages,
        "record_keys": records.keys,
        "record_sources": asdict(trace.sources),
    }


def history_lines(shown: Sequence[HistoryEntry]) -> Iterable[str]:
    """Yield what was displayed of a cell, one publication that changed it a line."""
    for step in shown:
        why = "première publication" if not step.causes else " ; ".join(step.causes)
        yield f"{in_french(step.entry.published_at)}  publication {step.entry.sequence} : {displayed(step)} ({why})"


def displayed(step: HistoryEntry) -> str:
    """Return in words what a publication showed of a figure."""
    if step.is_withheld:
        return "non montré : la différence entre deux publications révélerait de petits effectifs de victimes"
    return "retiré" if step.figures is None else value_of(step.figures, step.unit)


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return what a verification found, its conclusion left out."""
    return [
        f"{verdict.publications} publication(s) ; tête de chaîne : {verdict.head}",
        f"Clé de signature : {verdict.key or 'aucune, la dernière publication est non scellée'}",
        *verdict.remarks,
        *verdict.problems,
    ]


def public_key_lines(home: Home) -> Iterable[str]:
    """Yield the public key as auditors keep it, and which keys the ledger names.

    Keys that were replaced are named and not given: who trusts one of them trusts it for all publications.
    """
    key = signing.private_key()
    if key is None:
        yield "Aucune clé de signature sur cette machine : les publications seraient non scellées."
    else:
        yield f"Clé de signature actuelle, empreinte {signing.fingerprint(key.public_key())} :"
        yield signing.pem(key.public_key())
    yield from key_lines(ledger.entries(home), keyring.retired_keys(home))


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
        for source, target, kind in graph.upstream(start):
            role = "" if kind is Kind.VALUE else f" ({kind.label.lower()})"
            yield f"{title(source.layer)} {source} → {title(target.layer)} {target}{role}"
        for column in sorted(graph.deciding(start), key=lambda column: (rank(column.layer), column)):
            if column.layer in SOURCES and column.name != ROWS:
                yield f"{title(column.layer)} {column} : décide des lignes comptées"
