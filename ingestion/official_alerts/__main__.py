"""Loads the official alerts alone: `python -m ingestion.official_alerts`."""

import sys

from ingestion.command import main

sys.exit(main("official_alerts"))
