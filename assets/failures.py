"""What ends a step that fails as expected."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from supersync.errors import SupersetFailure

from core.errors import ExpectedFailure


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
