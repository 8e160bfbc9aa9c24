"""The published copy of the warehouse as an asset. How it is written, and refused, belongs in `publication`."""

import dagster as dg

from assets.serving.publication import Publication, exposed_relations, publish
from assets.warehouse.translator import node_key
from ingestion import settings
from ingestion.errors import ExpectedFailure
from orchestration import project

MANIFEST = project.read_manifest()
KEY = dg.AssetKey(["serving", "daily"])
EXPOSED = [node_key(node) for node in project.exposed(MANIFEST)]


def metadata(publication: Publication) -> dict:
    rows = dg.TableSchema(columns=[dg.TableColumn("table"), dg.TableColumn("rows", "int")])
    return {
        "publication_id": publication.publication_id,
        "data_as_of": str(publication.data_as_of),
        "code_version": publication.code_version,
        "dagster/uri": str(publication.file),
        "dagster/row_count": sum(publication.rows.values()),
        "tables": dg.MetadataValue.table(
            [dg.TableRecord({"table": f"{r.schema}.{r.name}", "rows": n}) for r, n in publication.rows.items()],
            schema=rows,
        ),
    }


@dg.asset(
    key=KEY,
    deps=EXPOSED,
    group_name="serving",
    owners=["team:plateforme-donnees"],
    kinds={"duckdb"},
    pool="warehouse",
    description="Read-only copy of every exposed table, swapped in one step; readers keep the former one until then.",
)
def daily() -> dg.MaterializeResult:
    try:
        publication = publish(settings.home(), exposed_relations(MANIFEST))
    except ExpectedFailure as failure:
        raise dg.Failure(description=str(failure), allow_retries=False) from None
    return dg.MaterializeResult(metadata=metadata(publication))
