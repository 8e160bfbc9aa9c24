"""Writes KPIs and contracts as files that data catalogues ingest: Open Data Contract Standard, and DataHub.

A DataHub file is a list of metadata change proposals, https://datahubproject.io/docs/generated/ingestion/sources/metadata-file.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from core.content_store import canonical
from core.errors import ExpectedFailure
from core.settings import Home
from ingestion import contracts
from ingestion.contracts import ODCS_VERSION, Contract
from warehouse import published

Document = dict[str, Any]
Row = dict[str, Any]

DATAHUB = "datahub.json"
ODCS = "odcs"
VALUES = "kpi.kpi_value"

#: ODCS's and DataHub's names of a type, by the beginning of DuckDB's.
_TYPES = {
    "BOOLEAN": ("boolean", "BooleanType"),
    "BIGINT": ("integer", "NumberType"),
    "DATE": ("date", "DateType"),
    "DECIMAL": ("number", "NumberType"),
    "DOUBLE": ("number", "NumberType"),
    "TIMESTAMP": ("timestamp", "TimeType"),
    "VARCHAR": ("string", "StringType"),
}
_COLUMNS = """
    select column_name as name, data_type as type, coalesce(comment, '') as description, is_nullable as nullable
    from duckdb_columns() where database_name = 'serving' and schema_name = 'kpi' and table_name = 'kpi_value'
    order by column_index
"""
_KPIS = "select * from kpi.kpi_catalogue order by kpi_code"
#: Columns of a KPI that change its version.
_MEANING = ("definition", "formula", "unit", "direction", "period_types", "territory_levels", "breakdown_dimensions")


def write(home: Home, folder: Path) -> int:
    """Write the catalogue of the current publication into a folder, and return the number of documents.

    Args:
        home: Its published copy has the definitions of KPIs.
        folder: Where they are written; files of the same name are replaced.

    Raises:
        ExpectedFailure: nothing was published, or the folder cannot be written.
    """
    with published.connect(home) as connection:
        kpis, columns = (connection.execute(query).to_arrow_table().to_pylist() for query in (_KPIS, _COLUMNS))
    known = list(contracts.contracts())
    documents = {f"{found.name}.odcs.yaml": contracts.odcs(found) for found in known}
    documents |= {f"kpi.{kpi['kpi_code']}.odcs.yaml": kpi_contract(kpi, columns) for kpi in kpis}
    try:
        (folder / ODCS).mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
            (folder / ODCS / name).write_text(text, encoding="utf-8")
        proposals = list(datahub(known, kpis, columns))
        (folder / DATAHUB).write_text(json.dumps(proposals, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as problem:
        raise ExpectedFailure(
            f"{folder} ne peut pas être écrit : {problem.strerror}.", "Donnez un autre dossier."
        ) from None
    return len(documents)


def kpi_contract(kpi: Row, columns: list[Row]) -> Document:
    """Return a KPI as Open Data Contract Standard; its version changes with its meaning.

    Args:
        kpi: Its row of `kpi.kpi_catalogue`.
        columns: Name, type, description and nullability of the columns of its values.
    """
    meaning = hashlib.sha256(canonical({name: kpi[name] for name in _MEANING})).hexdigest()[:12]
    grain = f"{kpi['period_types']} ; {kpi['territory_levels']} ; {kpi['breakdown_dimensions'] or 'total'}"
    return {
        "apiVersion": ODCS_VERSION,
        "kind": "DataContract",
        "id": f"urn:cyberimpact:kpi:{kpi['kpi_code']}",
        "name": kpi["label"],
        "version": meaning,
        "status": "active",
        "domain": kpi["pillar"],
        "description": {
            "purpose": kpi["definition"].strip(),
            "usage": f"Calcul : {kpi['formula'].strip()} Unité : {kpi['unit']}.",
            "limitations": "Une ligne sous secret statistique (is_suppressed) n'a pas de chiffres.",
        },
        "tags": [kpi["pillar"], kpi["sensitivity"]],
        "team": {"name": kpi["owner"]},
        "schema": [
            {
                "name": f"kpi_{kpi['kpi_code']}",
                "physicalName": VALUES,
                "physicalType": "table",
                "logicalType": "object",
                "dataGranularityDescription": grain,
                "properties": [
                    {
                        "name": column["name"],
                        "description": column["description"],
                        "logicalType": _type_names(column["type"])[0],
                        "physicalType": column["type"],
                        "required": not column["nullable"],
                    }
                    for column in columns
                ],
            }
        ],
        "slaProperties": [{"property": "frequency", "value": kpi["refresh"]}],
    }


def datahub(known: list[Contract], kpis: list[Row], columns: list[Row]) -> Iterator[Document]:
    """Yield proposals for DataHub: each table that is sent, the table of values, and a term for each KPI."""
    for found in known:
        fields = [
            {"name": field.name, "type": contracts.DUCKDB_TYPES[field.type], "description": field.description}
            | {"nullable": field.nullable}
            for field in found.sent
        ]
        name, title = f"{found.platform.dataset}.{found.table.name}", f"{found.platform.title} : {found.table.name}"
        yield from _dataset(name, title, found.table.description, fields)
    yield from _dataset(VALUES, "Valeurs des indicateurs", "Une ligne par indicateur, période et territoire.", columns)
    for kpi in kpis:
        term = {
            "name": kpi["label"],
            "definition": f"{kpi['definition'].strip()}\n\nCalcul : {kpi['formula'].strip()}",
            "termSource": "INTERNAL",
            "customProperties": {name: str(kpi[name]) for name in ("kpi_code", "unit", "owner", "sensitivity")},
        }
        yield _proposal("glossaryTerm", f"urn:li:glossaryTerm:cyberimpact.{kpi['kpi_code']}", "glossaryTermInfo", term)


def _dataset(name: str, title: str, description: str, fields: list[Row]) -> Iterator[Document]:
    platform = "urn:li:dataPlatform:duckdb"
    urn = f"urn:li:dataset:({platform},cyberimpact.{name},PROD)"
    yield _proposal("dataset", urn, "datasetProperties", {"name": title, "description": description})
    schema = {
        "schemaName": name,
        "platform": platform,
        "version": 0,
        "hash": "",
        "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": ""}},
        "fields": [
            {
                "fieldPath": field["name"],
                "description": field["description"],
                "nullable": field["nullable"],
                "nativeDataType": field["type"],
                "type": {"type": {f"com.linkedin.schema.{_type_names(field['type'])[1]}": {}}},
            }
            for field in fields
        ],
    }
    yield _proposal("dataset", urn, "schemaMetadata", schema)


def _proposal(kind: str, urn: str, aspect: str, content: Document) -> Document:
    return {
        "entityType": kind,
        "entityUrn": urn,
        "changeType": "UPSERT",
        "aspectName": aspect,
        "aspect": {"json": content},
    }


def _type_names(duckdb_type: str) -> tuple[str, str]:
    """Return the name of a type in ODCS, and in DataHub."""
    return next((names for begin, names in _TYPES.items() if duckdb_type.startswith(begin)), _TYPES["VARCHAR"])
