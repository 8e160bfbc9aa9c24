"""Loads the reference data alone: `python -m ingestion.reference [--file PATH]`."""

import sys

from ingestion.command import main

sys.exit(main("reference"))
