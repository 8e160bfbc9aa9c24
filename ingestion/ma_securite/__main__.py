"""Loads the news of Ma Sécurité alone: `python -m ingestion.ma_securite`."""

import sys

from ingestion.command import main

sys.exit(main("ma_securite"))
