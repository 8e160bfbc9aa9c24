"""Loads the listening platform alone: `python -m ingestion.listening [--file PATH]`."""

import sys

from ingestion.command import main

sys.exit(main("listening"))
