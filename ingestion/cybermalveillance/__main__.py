"""Loads Cybermalveillance.gouv.fr alone: `python -m ingestion.cybermalveillance --file PATH`."""

import sys

from ingestion.command import main

sys.exit(main("cybermalveillance"))
