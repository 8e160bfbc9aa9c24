"""Loads the reviews of the app stores alone: `python -m ingestion.app_stores`."""

import sys

from ingestion.command import main

sys.exit(main("app_stores"))
