"""The engine's side: dbt runner and plugins, publication, copies per right, backups.

`rights` and `reader_copies` also run in Superset's environment.
"""
