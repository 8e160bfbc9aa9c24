"""Spark as the engine, over Spark Connect.

`engine` is what the rest of the platform asks, `cluster` the processes of one machine, `lake` the files that Spark
reads and writes, `adapter` how dbt speaks with it. `plugin/` is where dbt looks for an adapter.
"""
