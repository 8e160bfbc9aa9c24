"""The way of a figure from platforms to charts, table by table, for a page that draws it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from audit.definitions import KpiDefinition
from audit.lineage import rank, title
from audit.tracing import Model

_RAW = "raw"


@dataclass(frozen=True)
class Table:
    """A table on the way.

    Attributes:
        name: `schema.table`, of a platform `platform.entity`.
        columns: Its columns that the figure is made of.
        made_of: The tables that they are made of.
        asset: Its key in Dagster, `marts/visibility/fct_visit`; None where it is none of Dagster's.
        model: Its last build and checks; None where it is no model.
    """

    name: str
    columns: tuple[str, ...]
    made_of: tuple[str, ...]
    asset: str | None
    model: Model | None


@dataclass(frozen=True)
class Layer:
    """The tables of one layer on the way, with the name of the layer in French."""

    title: str
    tables: tuple[Table, ...]


def layers(definition: KpiDefinition, models: Sequence[Model]) -> list[Layer]:
    """Return the way of a figure, layer by layer from the platform on; empty for the earliest publications.

    Args:
        definition: What the KPI was.
        models: Its upstream models (`audit.tracing.Provenance`).
    """
    columns: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    made_of: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for from_layer, from_column, to_layer, to_column in definition.steps:
        (source, source_column), (target, target_column) = _split(from_column), _split(to_column)
        columns[from_layer, source].add(source_column)
        columns[to_layer, target].add(target_column)
        if source != target:
            made_of[to_layer, target].add(source)
    built = {model.relation: model for model in models}
    return [
        Layer(
            title(layer),
            tuple(
                _table(layer, name, columns[layer, name], made_of[layer, name], built)
                for of_layer, name in sorted(columns)
                if of_layer == layer
            ),
        )
        for layer in sorted({layer for layer, _ in columns}, key=rank)
    ]


def _split(column: str) -> tuple[str, str]:
    table, _, name = column.rpartition(".")
    return table, name


def _table(layer: str, name: str, columns: set[str], made_of: set[str], built: Mapping[str, Model]) -> Table:
    model = built.get(name)
    return Table(name, tuple(sorted(columns)), tuple(sorted(made_of)), _asset(layer, name, model), model)


def _asset(layer: str, name: str, model: Model | None) -> str | None:
    """Return the key of a table in Dagster: keys mirror the folders of models and of raw tables."""
    if layer == _RAW:
        return name.replace("raw_", "raw/", 1).replace(".", "/")
    if model is None:
        return None
    path = PurePosixPath(model.file).with_suffix("")
    return str(path.relative_to("dbt_project/models")) if path.is_relative_to("dbt_project/models") else None
