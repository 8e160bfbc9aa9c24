"""Loads the audience of the sites alone: `python -m ingestion.audience`."""

import sys

from ingestion.command import main

sys.exit(main("audience"))
