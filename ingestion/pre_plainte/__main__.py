"""Loads the pré-plainte en ligne alone: `python -m ingestion.pre_plainte --file PATH`."""

import sys

from ingestion.command import main

sys.exit(main("pre_plainte"))
