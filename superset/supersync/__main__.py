"""Command line of the bundle and the policies: `python -m supersync plan|apply|check|drift`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from supersync import bundle as bundles
from supersync import policies
from supersync.client import Client
from supersync.errors import SupersetFailure
from supersync.service import apply, check, drift, plan

CHECKOUT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the result goes to stdout, a failure to stderr. Return 1 on a failure or a finding, else 0."""
    options = _parser().parse_args(arguments)
    try:
        bundle = bundles.load(options.bundle, options.manifest)
        declared = policies.load(options.policies, bundle, seeds=options.seeds, users=options.users)
        if options.verb == "check":
            return _report(check(bundle, declared), "The bundle and the policies are sound.")
        with Client(options.url, options.username, os.environ.get("SUPERSET_ADMIN_PASSWORD", "")) as client:
            if options.verb == "drift":
                found = drift(client, bundle, declared, options.database_uri)
                return _report(found, "Nothing was changed by hand.")
            verb = {"plan": plan, "apply": apply}[options.verb]
            print(verb(client, bundle, declared, options.database_uri))
    except SupersetFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _report(findings: Sequence[object], otherwise: str) -> int:
    print("\n".join(map(str, findings)) or otherwise)
    return 1 if findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="supersync", description="Superset as code. Password: SUPERSET_ADMIN_PASSWORD."
    )
    parser.add_argument("verb", choices=["plan", "apply", "check", "drift"])
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.json of dbt")
    parser.add_argument("--bundle", type=Path, default=CHECKOUT / "superset" / "bundle", help="folder of the bundle")
    parser.add_argument(
        "--policies", type=Path, default=CHECKOUT / "superset" / "policies", help="folder of the policies"
    )
    parser.add_argument("--users", type=Path, help="file of accounts, if it is not in that folder")
    parser.add_argument(
        "--seeds", type=Path, default=CHECKOUT / "dbt_project" / "seeds", help="folder of territories.csv"
    )
    parser.add_argument("--url", default="http://127.0.0.1:8088", help="address of Superset")
    parser.add_argument("--username", default="admin", help="account with the role Admin")
    parser.add_argument("--database-uri", default="", help="SQLAlchemy address of the published copy")
    return parser


if __name__ == "__main__":
    sys.exit(main())
