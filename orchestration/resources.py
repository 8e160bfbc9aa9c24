"""The resources that assets use while they run."""

import importlib.metadata
import os
from collections.abc import Sequence
from functools import cached_property

from dagster_dbt import DbtCliResource
from packaging.version import Version

from warehouse import dbt_project, dbt_server

#: In the process that watches, dbt is warm.
DBT = dbt_project.DBT.with_name("cyberimpact-dbt") if dbt_server.SOCKET_SETTING in os.environ else dbt_project.DBT


class Dbt(DbtCliResource):
    """dbt as dagster-dbt calls it, but for two questions before each call, which start dbt once and import it again.

    The version is that of the environment: no process has to be started for it. A handle to dbt's adapter serves
    metadata that dagster-dbt would ask the database for; this project gives its own.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # ty: ignore[incompatible-method-override]
        """Return no handle."""


resources = {
    "dbt": Dbt(
        project_dir=str(dbt_project.PROJECT_DIR), profiles_dir=str(dbt_project.PROJECT_DIR), dbt_executable=str(DBT)
    )
}
