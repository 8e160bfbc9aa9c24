"""Serves the stand-ins on loopback: `python -m sandbox --port 8090 [--seed N] [--now YYYY-MM-DD] [--drops FOLDER]`."""

import argparse
import json
import threading
import time
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import uvicorn

from sandbox import clock
from sandbox.app import build_app, daily_files, dropped_files, running_files
from sandbox.drops import deliver
from sandbox.effects import effects
from sandbox.events import events

RUNNING_SECONDS = 900  # between two exports of what is written all day long


def _now() -> datetime:
    return clock.local(clock.now())


def _deliver(folder: Path, seed: int, moment: datetime) -> None:
    """Deliver the files of the days that are over, and those of the running one up to a moment."""
    deliver(folder, daily_files(seed, moment.date() - timedelta(days=1)))
    deliver(folder, running_files(seed, moment))


def _deliver_on(folder: Path, seed: int, delivered: datetime) -> None:
    """Deliver on, as long as the server lives; the files of complete days once a day, since they take long to write."""
    while True:
        time.sleep(RUNNING_SECONDS)
        moment = _now()
        if moment.date() != delivered.date():
            _deliver(folder, seed, moment)
            delivered = moment
        else:
            deliver(folder, running_files(seed, moment))


def _write_truth(file: Path, seed: int, until: date) -> None:
    """Write what really happened, to evaluate detection; nothing else may read it."""
    happened = (*events(seed, until), *effects(seed, until))
    truth = [{"kind": "action_effect", **asdict(effect), "start": effect.start.isoformat()} for effect in happened]
    file.write_text(json.dumps(truth, ensure_ascii=False, indent=1), encoding="utf-8")


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins of the platforms, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--seed", type=int, default=17, help="which invented history is generated")
    parser.add_argument("--now", type=date.fromisoformat, help="day up to which it is shown; today when not given")
    parser.add_argument("--drops", type=Path, help="folder into which the files of the platforms are delivered")
    parser.add_argument("--truth", type=Path, help="write what really happened there, and serve nothing")
    options = parser.parse_args()
    today = (lambda: options.now) if options.now else (lambda: _now().date())
    if options.truth:
        _write_truth(options.truth, options.seed, today())
        return
    if options.drops and options.now:
        deliver(options.drops, dropped_files(options.seed, options.now))
    elif options.drops:
        moment = _now()
        _deliver(options.drops, options.seed, moment)
        threading.Thread(target=_deliver_on, args=(options.drops, options.seed, moment), daemon=True).start()
    uvicorn.run(build_app(options.seed, today), host="127.0.0.1", port=options.port, log_level="warning")


main()
