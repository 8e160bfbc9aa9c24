"""dlt pipelines into a DuckDB file or the lake: creation, recovery after a kill, resources."""

import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema.exceptions import DataValidationError
from dlt.common.storages.load_package import PackageStorage
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed

from core.errors import ExpectedFailure, causes_of
from core.settings import SCHEMA_CONTRACT, home
from ingestion.engine.contract import Table

log = logging.getLogger(__name__)

#: Configuration of dlt that must hold in every process, whatever its working folder.
_DLT_SETTINGS = {
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # what fails is raised too, and worded by who called
    "EXTRACT__NEXT_ITEM_MODE": "fifo",  # the log of a load is written after its rows, in the same package
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "true",  # cannot be switched on later: the column is not null
    "LOAD__DELETE_COMPLETED_JOBS": "true",
}


#: Of a file in the lake: its name is that of the job, so that a load that is resumed writes the same files again.
LAYOUT = "{table_name}/load_id={load_id}/{file_id}.{ext}"

#: After the name of a table, the resource that reads its pages, and keeps the cursor.
PAGES = "_pages"


def cursors(pipeline: dlt.Pipeline) -> dict[str, dict[str, Any]]:
    """Return up to where the last load has read, by table: values by their name, such as a site, or the field."""
    return {
        name.removesuffix(PAGES): _cursor(kept)
        for source in pipeline.state.get("sources", {}).values()
        for name, kept in source.get("resources", {}).items()
    }


def _cursor(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a resource's state; a list in it is what is remembered beside the cursor."""
    moved_by_dlt = {field: cursor["last_value"] for field, cursor in kept.get("incremental", {}).items()}
    by_hand = {name: value for name, value in kept.items() if name != "incremental" and not isinstance(value, list)}
    return moved_by_dlt | by_hand


def hints(table: Table) -> dict[str, Any]:
    """Return the dlt hints of a contract: typed columns, merged on the key, a flipped type refused."""
    return {
        "columns": table.column_hints,
        "primary_key": table.key,
        "write_disposition": {"disposition": "merge", "strategy": "upsert"},
        "schema_contract": SCHEMA_CONTRACT,
    }


def table_resource(table: Table, rows: Iterable[pa.Table]) -> DltResource:
    """Return Arrow tables of canonical rows as a dlt resource; an empty one creates the table."""
    return dlt.resource(iter(rows), name=table.name, **hints(table))


def open_pipeline(name: str, dataset: str, database: Path, lake: str | None = None) -> dlt.Pipeline:
    """Return a pipeline with an empty working folder and the state that its database holds.

    A package that a dead process had begun to load is loaded to its end first: it is whole, and what it writes is
    keyed. One that it had only read is forgotten, and read again by the caller.

    Args:
        name: Pipeline, and its working folder below `home().dlt`.
        dataset: Schema in the database.
        database: DuckDB file that it writes.
        lake: Address that it writes instead, where the tables lie in the lake.
    """
    working_folder = home().dlt / name
    if working_folder.exists():
        if any(working_folder.glob("load/normalized/*")):
            _finish_interrupted(name, dataset, database, lake)
        shutil.rmtree(working_folder, ignore_errors=True)
    pipeline = _pipeline(name, dataset, database, lake)
    pipeline.sync_destination()
    return pipeline


def _pipeline(name: str, dataset: str, database: Path, lake: str | None) -> dlt.Pipeline:
    place = home()
    place.dlt.mkdir(parents=True, exist_ok=True)
    os.environ.update(_DLT_SETTINGS, DLT_DATA_DIR=str(place.dlt), DLT_PROJECT_DIR=str(place.dlt))
    return dlt.pipeline(
        name,
        pipelines_dir=str(place.dlt),
        destination=dlt.destinations.filesystem(lake, layout=LAYOUT)
        if lake
        else dlt.destinations.duckdb(str(database)),
        dataset_name=dataset,
    )


def _finish_interrupted(name: str, dataset: str, database: Path, lake: str | None) -> None:
    try:
        pipeline = _pipeline(name, dataset, database, lake)
        if pipeline.list_normalized_load_packages():
            log.warning("%s: finishing a load that was interrupted.", name)
            if lake is None:  # there a job that is resumed writes the same file again
                _undo_unnoted_copies(pipeline)
            pipeline.load()
    except Exception as problem:  # noqa: BLE001 (whatever a dead process left half-written is read again)
        log.warning(
            "%s: an interrupted load could not be finished (%s); it is read again.", name, type(problem).__name__
        )


def _undo_unnoted_copies(pipeline: dlt.Pipeline) -> None:
    """Take out of the staging tables what a job wrote that had not noted its end: resumed, it writes its file again.

    dlt notes the end of a job after its commit. A process killed between the two leaves rows that the resumed job
    doubles, and a merge takes in both where their key is new (dlt-hub/dlt#3023).
    """
    for load_id in pipeline.list_normalized_load_packages():
        for job in pipeline.get_load_package_info(load_id).jobs["started_jobs"]:
            file = Path(job.file_path)
            noted = file.parent.with_name(PackageStorage.PENDING_TRANSITIONS_FOLDER) / file.name
            if file.suffix != ".parquet" or noted.exists():
                continue
            with pipeline.sql_client() as client, client.with_staging_dataset():  # ty: ignore[invalid-context-manager]
                table = client.make_qualified_table_name(job.job_file_info.table_name)
                client.execute_sql(
                    f"delete from {table} where _dlt_id in (select _dlt_id from read_parquet(%s))",  # noqa: S608
                    str(file),
                )


def explain(failure: PipelineStepFailed, where: str) -> Exception:
    """Return the failure of a pipeline as an expected failure with its remedy, or unchanged if it is unexpected."""
    for cause in causes_of(failure):
        if isinstance(cause, ExpectedFailure):
            return cause
        if isinstance(cause, DataValidationError):
            return ExpectedFailure(
                f"{where}: the type of column {cause.column_name!r} of table {cause.table_name!r} changed.",
                "Nothing was loaded, the data loaded before stays: adapt the contract in ingestion/ to the new type.",
            )
    return failure
