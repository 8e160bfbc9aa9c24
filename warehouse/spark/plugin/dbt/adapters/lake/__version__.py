"""The version that dbt shows: that of the adapter it is made of."""

from dbt.adapters.spark.__version__ import version as version  # noqa: PLC0414 - dbt reads it here
