"""Serves the stand-ins on loopback: `python -m sandbox --port 8090 [--seed N] [--now YYYY-MM-DD] [--drops FOLDER]`.

With `--state FOLDER` it is a demonstration: waves are staged beside the history, one platform is down for some hours,
and mails are caught on `--mailbox-port`.
"""

import argparse
import json
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import uvicorn

from sandbox import clock, ma_securite, mailbox
from sandbox.app import build_app, daily_files, dropped_files, running_files
from sandbox.drops import deliver
from sandbox.effects import effects
from sandbox.events import events
from sandbox.faults import Fault
from sandbox.staging import Stage

#: In a demonstration, how long the news of Ma Sécurité are down: no figure stands on them.
DOWN_SECONDS = 6 * 3600
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


def _write_truth(file: Path, seed: int, until: date, stage: Stage) -> None:
    """Write what really happened, to evaluate detection; nothing else may read it."""
    happened = (*events(seed, until), *(wave.event for wave in stage.waves), *effects(seed, until))
    truth = [{"kind": "action_effect", **asdict(effect), "start": effect.start.isoformat()} for effect in happened]
    file.write_text(json.dumps(truth, ensure_ascii=False, indent=1), encoding="utf-8")


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins of the platforms, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--seed", type=int, default=17, help="which invented history is generated")
    parser.add_argument("--now", type=date.fromisoformat, help="day up to which it is shown; today when not given")
    parser.add_argument("--drops", type=Path, help="folder into which the files of the platforms are delivered")
    parser.add_argument("--state", type=Path, help="folder of a demonstration: staged waves, mails that were caught")
    parser.add_argument("--mailbox-port", type=int, default=8025, help="where a demonstration takes mails")
    parser.add_argument("--truth", type=Path, help="write what really happened there, and serve nothing")
    options = parser.parse_args()
    today = (lambda: options.now) if options.now else (lambda: _now().date())
    if options.truth:
        _write_truth(options.truth, options.seed, today(), Stage(options.state))
        return
    if options.drops and options.now:
        deliver(options.drops, dropped_files(options.seed, options.now))
    elif options.drops:
        moment = _now()
        _deliver(options.drops, options.seed, moment)
        threading.Thread(target=_deliver_on, args=(options.drops, options.seed, moment), daemon=True).start()
    with ExitStack() as demonstration:
        faults = []
        if options.state:
            demonstration.enter_context(mailbox.catching(options.state / mailbox.FOLDER, options.mailbox_port))
            Stage(options.state).prepare(options.seed)
            faults = [Fault("server_error", path=ma_securite.PREFIX, ends_at=time.time() + DOWN_SECONDS)]
        app = build_app(options.seed, today, options.state, faults)
        uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


main()
