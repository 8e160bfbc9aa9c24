"""The whole graph, loaded once."""

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from core.settings import Home


@pytest.fixture(scope="session")
def definitions(
    tmp_path_factory: pytest.TempPathFactory, copy_manifests: Callable[[Home], None]
) -> Iterator[dg.Definitions]:
    """The code location's definitions, loaded for an empty home."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("CYBERIMPACT_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        copy_manifests(Home(home))
        from orchestration.definitions import defs

        yield defs()
