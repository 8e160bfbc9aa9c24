"""Serves the stand-ins on loopback: `python -m sandbox --port 8090 [--seed N] [--now YYYY-MM-DD]`."""

import argparse
from datetime import date, datetime
from zoneinfo import ZoneInfo

import uvicorn

from sandbox.app import build_app

PARIS = ZoneInfo("Europe/Paris")


def _today() -> date:
    return datetime.now(PARIS).date()


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins of the platforms, on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=17, help="which invented history is told")
    parser.add_argument("--now", type=date.fromisoformat, help="day up to which it is told; today when not given")
    options = parser.parse_args()
    today = (lambda: options.now) if options.now else _today
    uvicorn.run(build_app(options.seed, today), host="127.0.0.1", port=options.port, log_level="warning")


main()
