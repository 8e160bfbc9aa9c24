"""What ends a step that fails as expected."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg
from supersync.errors import SupersetFailure

from core import settings
from core.clock import now
from core.errors import ExpectedFailure, TransientFailure

#: Tag of a run whose failure may pass by itself.
TRANSIENT = {"failure": "transient"}
#: Tag that says when a new run is to try again; `orchestration.retries` starts it.
TRY_AGAIN_AT = "try_again_at"
#: Dagster's own tag: how many runs have tried before this one.
RETRY_NUMBER = "dagster/retry_number"
MOST_RETRIES = 3
PAUSE_SETTING, PAUSE_MINUTES = "CYBERIMPACT_RETRY_MINUTES", 15


@contextmanager
def ending_the_step() -> Generator[None]:
    """Turn an expected failure into that of the step, which a second try would not cure.

    Raises:
        dg.Failure: with the sentence and remedy of the failure.
    """
    try:
        yield
    except (ExpectedFailure, SupersetFailure) as failure:
        raise dg.Failure(description=str(failure), allow_retries=False) from None


@contextmanager
def ending_the_try(context: dg.AssetExecutionContext) -> Generator[None]:
    """End the step as `ending_the_step`, and tag its run where a later one may succeed.

    Raises:
        dg.Failure: with the sentence and remedy of the failure.
    """
    with ending_the_step():
        try:
            yield
        except TransientFailure as failure:
            tags = dict(TRANSIENT)
            if int(context.run.tags.get(RETRY_NUMBER, 0)) < MOST_RETRIES:
                pause = timedelta(minutes=settings.whole_number(PAUSE_SETTING, PAUSE_MINUTES, "minutes"))
                tags[TRY_AGAIN_AT] = max(now() + pause, failure.until or now()).isoformat(timespec="seconds")
            context.instance.add_run_tags(context.run_id, tags)
            raise
