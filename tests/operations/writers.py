"""A process in which several threads judge one signal and write one journal: `python -m tests.operations.writers …`.

It prints what became of each verdict. With `half`, it dies in the middle of an act.
"""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from operations import acts, crises, verdicts
from operations.acts import Author
from operations.models import Crisis, CrisisEvent
from operations.verdicts import DecidedMeanwhile
from tests.analytics.signalling import FLOOD

THREADS, ENTRIES = 5, 4


def write(crisis_id: str, writer: str, go: Path) -> str:
    author = Author("veille", f"c_{writer}")
    while not go.exists():
        time.sleep(0.01)
    try:
        verdicts.record(FLOOD, "confirmé", author)
        said = "first"
    except DecidedMeanwhile as meanwhile:
        said = f"meanwhile {meanwhile.last.verdict}"
    for number in range(ENTRIES):
        crises.note(crisis_id, f"entrée {number} de {writer}", kind="fait", author=author)
    return said


def die_in_the_middle(crisis_id: str) -> None:
    with acts.once(Author("veille"), "crise close", None, "x"):
        crisis = Crisis.objects.get(pk=crisis_id)
        CrisisEvent.objects.create(crisis=crisis, number=1000, kind="fait", note="à moitié", author_role="veille")
        Crisis.objects.filter(pk=crisis_id).update(status="close")
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    name, chosen, start = sys.argv[1:]
    if name == "half":
        die_in_the_middle(chosen)
    with ThreadPoolExecutor(THREADS) as pool:
        for outcome in pool.map(lambda n: write(chosen, f"{name}-{n}", Path(start)), range(THREADS)):
            print(outcome, flush=True)
