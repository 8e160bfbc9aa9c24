"""The resources that assets use while they run."""

import os

from dagster_dbt import DbtCliResource

from warehouse import dbt_project, dbt_server

#: In the process that watches, dbt is warm.
DBT = dbt_project.DBT.with_name("cyberimpact-dbt") if dbt_server.SOCKET_SETTING in os.environ else dbt_project.DBT

resources = {
    "dbt": DbtCliResource(
        project_dir=str(dbt_project.PROJECT_DIR), profiles_dir=str(dbt_project.PROJECT_DIR), dbt_executable=str(DBT)
    )
}
