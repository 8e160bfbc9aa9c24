"""The published copies as assets, one per database."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from assets.dbt.translator import node_key
from assets.failures import ending_the_step
from assets.serving.publication_metadata import recorder
from core import settings
from core.clock import PARIS
from core.settings import Home
from warehouse import dbt_project, staleness
from warehouse.publication import ORIGINS, Publication, exposed_relations, former_names, publish
from warehouse.published import DAILY, LIVE, Copy, current

#: Beside a copy: what it was made of.
STATE = "state"
UNCHANGED = "Nothing has changed since this copy was published: readers keep it."

#: The daily copy by 07:00, when the first readers come; the live one within some batches without news.
FRESHNESS = {
    DAILY: dg.FreshnessPolicy.cron("0 7 * * *", lower_bound_delta=timedelta(hours=7), timezone=PARIS.key),
    LIVE: dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=20)),
}


def key(made: Copy) -> dg.AssetKey:
    return dg.AssetKey(["serving", made.target])


def metadata(publication: Publication) -> dict:
    rows = dg.TableSchema(columns=[dg.TableColumn("table"), dg.TableColumn("rows", "int")])
    return {
        "publication_id": publication.publication_id,
        "data_as_of": publication.data_as_of.isoformat() if publication.data_as_of else "",
        "code_version": publication.code_version,
        "dagster/uri": str(publication.file),
        "dagster/row_count": sum(publication.rows.values()),
        "tables": dg.MetadataValue.table(
            [dg.TableRecord({"table": f"{r.schema}.{r.name}", "rows": n}) for r, n in publication.rows.items()],
            schema=rows,
        ),
    }


class PublicationConfig(dg.Config):
    """Whether a copy is made at all."""

    only_news: bool = Field(default=False, description="Make no copy that would show what the last one shows.")


def unchanged(home: Home, made: Copy) -> Path | None:
    """Return the last copy where a new one would show the same, None where it would not or nobody knows."""
    last = current(home, made)
    if made is not DAILY or last is None or not last.with_name(STATE).exists():
        return None
    return last if staleness.publication_state(home) == last.with_name(STATE).read_text() else None


def build_copy(made: Copy, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return the publication of one database as an asset."""

    @dg.asset(
        key=key(made),
        deps=[node_key(node) for node in dbt_project.exposed(manifest, made.target)],
        group_name="serving",
        owners=["team:plateforme-donnees"],
        kinds={"duckdb"},
        pool=ORIGINS[made].database,
        freshness_policy=FRESHNESS[made],
        description=(
            f"Read-only copy of every exposed table of {ORIGINS[made].database}.duckdb, swapped in one step; "
            "readers keep the former one until then."
        ),
    )
    def published(context: dg.AssetExecutionContext, config: PublicationConfig) -> dg.MaterializeResult:
        home = settings.home()
        with ending_the_step():
            if config.only_news and (last := unchanged(home, made)):
                return dg.MaterializeResult(metadata={"publication_id": last.parent.name, "state": UNCHANGED})
            state = staleness.publication_state(home) if made is DAILY else None
            recording = recorder(context) if made is DAILY else None
            relations, former = exposed_relations(manifest, made.target), former_names(manifest, made.target)
            publication = publish(home, relations, made, recording, former=former)
            publication.file.with_name(STATE).write_text(state or "")
        return dg.MaterializeResult(metadata=metadata(publication))

    return published


#: The daily build reads what the live one has published, and Dagster's graph has no circles: the other way, from
#: `serving/daily` to what is live, begins again here.
PUBLISHED_BEFORE = dg.AssetSpec(
    key=["source", "daily_copy"],
    group_name="source",
    owners=["team:plateforme-donnees"],
    kinds={"duckdb"},
    description="The daily copy that was published last, as the live build reads it.",
)


@dg.definitions
def defs() -> dg.Definitions:
    """Return the publication of each database, and what the live build reads of one."""
    manifest = dbt_project.read_manifest()
    return dg.Definitions(assets=[*(build_copy(made, manifest) for made in (DAILY, LIVE)), PUBLISHED_BEFORE])
