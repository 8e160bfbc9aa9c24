"""Serves the stand-ins on loopback: `python -m sandbox --port 8090 [--seed N] [--now YYYY-MM-DD] [--drops FOLDER]`."""

import argparse
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import uvicorn

from sandbox.app import build_app
from sandbox.drops import deliver
from sandbox.effects import effects
from sandbox.events import events
from sandbox.places import PARIS

LOOK_SECONDS = 60


def _today() -> date:
    return datetime.now(PARIS).date()


def _deliver_daily(folder: Path, seed: int, today: Callable[[], date], delivered: date) -> None:
    """Deliver the files of each new day, as long as the server lives."""
    while True:
        time.sleep(LOOK_SECONDS)
        if today() != delivered:
            delivered = today()
            deliver(folder, seed, delivered)


def _write_truth(file: Path, seed: int, until: date) -> None:
    """Write what really happened, for those who judge what was noticed; nothing else may read it."""
    happened = (*events(seed, until), *effects(seed, until))
    told = [{"kind": "action_effect", **asdict(one), "start": one.start.isoformat()} for one in happened]
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins of the platforms, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--seed", type=int, default=17, help="which invented history is told")
    parser.add_argument("--now", type=date.fromisoformat, help="day up to which it is told; today when not given")
    parser.add_argument("--drops", type=Path, help="folder into which the files of the platforms are delivered")
    parser.add_argument("--truth", type=Path, help="write what really happened there, and serve nothing")
    options = parser.parse_args()
    today = (lambda: options.now) if options.now else _today
    if options.truth:
        _write_truth(options.truth, options.seed, today())
        return
    if options.drops:
        delivered = today()
        deliver(options.drops, options.seed, delivered)
        watcher = (options.drops, options.seed, today, delivered)
        threading.Thread(target=_deliver_daily, args=watcher, daemon=True).start()
    uvicorn.run(build_app(options.seed, today), host="127.0.0.1", port=options.port, log_level="warning")


main()
