"""Loads PERCEV@L alone: `python -m ingestion.perceval --file PATH`."""

import sys

from ingestion.command import main

sys.exit(main("perceval"))
