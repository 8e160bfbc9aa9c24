"""Reports the progress of a load: records, pages and rate."""

import time
from collections.abc import Callable


class Progress:
    """Counts pages as they are read: the progress callback of `ingestion.engine.loading.load`.

    Args:
        say: Called after each page with the sentence of the moment.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._records = self._pages = 0
        self._began = time.monotonic()

    def __call__(self, records: int) -> None:
        self._records += records
        self._pages += 1
        rate = self._records / max(time.monotonic() - self._began, 0.001)
        self._say(f"{self._records} records read, {self._pages} pages, {rate:.0f} records/s")
