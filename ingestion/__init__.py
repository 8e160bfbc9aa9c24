"""Brings platform data in: pure dlt, privacy before the first write. Never imports dagster."""

import os

#: dlt asks once, at its first use, which comes before any pipeline: dlt reports to nobody what is loaded here.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
