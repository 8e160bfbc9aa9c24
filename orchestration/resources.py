"""What assets borrow while they run. Settings belong in `ingestion.settings`."""

import os

from dagster_dbt import DbtCliResource

from orchestration import project, warm_dbt

#: In the process that watches, dbt is warm.
DBT = project.DBT.with_name("cyberimpact-dbt") if warm_dbt.SOCKET_SETTING in os.environ else project.DBT

resources = {
    "dbt": DbtCliResource(
        project_dir=str(project.PROJECT_DIR), profiles_dir=str(project.PROJECT_DIR), dbt_executable=str(DBT)
    )
}
