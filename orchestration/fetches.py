"""The jobs that fetch files of drop folders elsewhere: one per platform, so that none hides the failure of another."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from assets.failures import ending_the_step
from core.errors import ExpectedFailure
from ingestion.engine import remote_folders
from ingestion.platforms import PLATFORMS, platform
from orchestration.loads import CONTINUOUS


class FetchConfig(dg.Config):
    """What to fetch."""

    platform: str = Field(description="Name of the platform.")
    rested: list[str] | None = Field(None, description="Marks of what an earlier look found; without them, two looks.")


@dg.op(description="Fetch the files of a folder elsewhere into the drop folder, from where they are loaded.")
def fetch_files(context: dg.OpExecutionContext, config: FetchConfig) -> None:
    refused = []
    with ending_the_step():
        for outcome in remote_folders.fetch(platform(config.platform), config.rested):
            context.log.info(str(outcome))
            if isinstance(outcome, ExpectedFailure):
                refused.append(str(outcome))
    if refused:
        raise dg.Failure(description="\n".join(refused), allow_retries=False)


def fetch_config(name: str, rested: Sequence[str] | None = None) -> dict:
    """Return the configuration of a run that fetches files of a platform."""
    marks = {} if rested is None else {"rested": [*rested]}
    return {"ops": {fetch_files.name: {"config": {"platform": name, **marks}}}}


@dg.graph
def fetch() -> None:
    """Fetch the files of a folder elsewhere."""
    fetch_files()


fetches = {
    entry.name: fetch.to_job(
        name=f"fetch_{entry.name}",
        description=f"Fetch files of {entry.title} from the folder that {remote_folders.setting(entry)} names.",
        config=fetch_config(entry.name),
        tags={**CONTINUOUS, "platform": entry.name},
    )
    for entry in PLATFORMS
    if entry.drops
}
