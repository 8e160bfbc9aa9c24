"""Renders column lineage as one self-contained HTML page."""

from collections import defaultdict
from collections.abc import Iterable
from html import escape

from audit.lineage import ROWS, Column, Kind, LineageGraph, rank, title
from audit.report import STYLE

_OWN = (
    "nav a{margin-right:1rem}details{margin:.2rem 0}summary{cursor:pointer}section{margin-top:2rem}"
    "a{color:#000091}.l{color:#666;font-size:.8rem}"
)


def page(graph: LineageGraph, publication: str) -> str:
    """Return the page: the tables of each layer, with the upstream and downstream columns of each column.

    Args:
        graph: The edges.
        publication: Which copy they are of.
    """
    columns: defaultdict[str, defaultdict[str, list[Column]]] = defaultdict(lambda: defaultdict(list))
    for column in sorted(graph.columns):
        columns[column.layer][column.table].append(column)
    layers = sorted(columns, key=rank)
    links = "".join(f'<a href="#{layer}">{escape(title(layer))} ({len(columns[layer])})</a>' for layer in layers)
    sections = "".join(section(graph, layer, columns[layer]) for layer in layers)
    return (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Chemin des colonnes</title>'
        f"<style>{STYLE}{_OWN}</style></head><body><h1>Le chemin des colonnes</h1>"
        f"<p>Publication {escape(publication)}. Pour chaque colonne : d'où elle vient, et ce qui en est fait. "
        "« * » est mis pour les lignes d'une table : ce qui les choisit, les joint ou les regroupe. "
        "Un lien mène à la table ; Ctrl+F cherche un nom, les tables fermées comprises.</p>"
        f"<nav>{links}</nav>{sections}</body></html>\n"
    )


def section(graph: LineageGraph, layer: str, tables: dict[str, list[Column]]) -> str:
    content = "".join(table(graph, name, columns) for name, columns in tables.items())
    return f'<section id="{escape(layer)}"><h2>{escape(title(layer))}</h2>{content}</section>'


def table(graph: LineageGraph, name: str, columns: list[Column]) -> str:
    rows = "".join(
        f"<tr><td>{escape(column.name)}</td>"
        f"<td>{linked((edge.source, edge.kind) for edge in graph.into(column))}</td>"
        f"<td>{linked((edge.target, edge.kind) for edge in graph.out_of(column))}</td></tr>"
        for column in columns
    )
    number = sum(column.name != ROWS for column in columns)
    return (
        f'<details id="{anchor(columns[0])}"><summary>{escape(name)} <span class="l">{number} colonnes</span>'
        "</summary><table><tr><th>Colonne</th><th>Faite à partir de</th><th>Sert à</th></tr>"
        f"{rows}</table></details>"
    )


def linked(ends: Iterable[tuple[Column, Kind]]) -> str:
    words = [
        f'<a href="#{anchor(column)}">{escape(str(column))}</a>'
        + ("" if kind is Kind.VALUE else f' <span class="l">{kind.label.lower()}</span>')
        for column, kind in ends
    ]
    return "<br>".join(words) or "–"


def anchor(column: Column) -> str:
    return escape(f"{column.layer}-{column.table}".replace(" ", "_"))
