"""Loads Services Publics+ alone: `python -m ingestion.services_publics_plus [--file PATH]`."""

import sys

from ingestion.command import main

sys.exit(main("services_publics_plus"))
