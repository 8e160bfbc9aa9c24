"""What assets borrow while they run. Settings belong in `ingestion.settings`."""

from dagster_dbt import DbtCliResource

from orchestration import project

resources = {
    "dbt": DbtCliResource(
        project_dir=str(project.PROJECT_DIR), profiles_dir=str(project.PROJECT_DIR), dbt_executable=str(project.DBT)
    )
}
