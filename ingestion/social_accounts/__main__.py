"""Loads the social accounts alone: `python -m ingestion.social_accounts [--file PATH]`."""

import sys

from ingestion.command import main

sys.exit(main("social_accounts"))
