"""What dbt builds in the warehouse: seeds, models and their checks. What they mean belongs in `dbt_project`."""
