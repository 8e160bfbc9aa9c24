"""Loads the register of prevention actions alone: `python -m ingestion.prevention_actions --file PATH`."""

import sys

from ingestion.command import main

sys.exit(main("prevention_actions"))
