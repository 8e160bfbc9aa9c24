"""Loads the Brigade numérique's chat alone: `python -m ingestion.brigade_numerique --file PATH`."""

import sys

from ingestion.command import main

sys.exit(main("brigade_numerique"))
