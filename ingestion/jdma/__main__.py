"""Loads Je donne mon avis alone: `python -m ingestion.jdma [--file PATH]`."""

import sys

from ingestion.command import main

sys.exit(main("jdma"))
