"""Loads the platform's own records alone: `python -m ingestion.operations`."""

import sys

from ingestion.command import main

sys.exit(main("operations"))
