"""Loads Partoo alone: `python -m ingestion.partoo`."""

import sys

from ingestion.command import main

sys.exit(main("partoo"))
