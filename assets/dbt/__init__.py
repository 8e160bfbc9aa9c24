"""The seeds, models and checks of the dbt project as assets."""
