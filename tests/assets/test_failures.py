"""An expected failure ends its step with its own sentence; an error of programming is left as it is."""

import dagster as dg
import pytest
from supersync.errors import Unreachable

from assets.failures import ending_the_step
from core.errors import ExpectedFailure


@pytest.mark.parametrize("kind", [ExpectedFailure, Unreachable])
def test_an_expected_failure_ends_the_step(kind: type[Exception]) -> None:
    with pytest.raises(dg.Failure) as ended, ending_the_step():
        raise kind("The disk is full.", "Free some space.")
    assert ended.value.description == "The disk is full. Free some space."
    assert not ended.value.allow_retries
    assert ended.value.__suppress_context__


def test_an_error_of_programming_stays_one() -> None:
    with pytest.raises(KeyError), ending_the_step():
        raise KeyError("name")
