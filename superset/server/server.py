"""Prepares and serves Apache Superset, in Superset's own environment.

    .venv-superset/bin/python superset/server/server.py init   # metadata database, roles, administrator; repeatable
    .venv-superset/bin/python superset/server/server.py serve  # gunicorn on 127.0.0.1, until it is stopped
    .venv-superset/bin/python superset/server/server.py session NAME  # cookies of a session of an account
    .venv-superset/bin/python superset/server/server.py move   # from the file of the home to PostgreSQL

All read `SUPERSET_HOME` and `SUPERSET_SECRET_KEY`; `init` also `SUPERSET_ADMIN_PASSWORD` (and
`SUPERSET_ADMIN_USERNAME`, `admin` by default), `serve` also `CYBERIMPACT_SUPERSET_PORT` (8088) and
`CYBERIMPACT_SUPERSET_WORKERS` (1). `superset_config.py` lists the others.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

SERVER = Path(__file__).resolve().parent


def main() -> None:
    os.umask(0o077)  # what is written is for this account only
    parser = argparse.ArgumentParser(description="Prepare or serve Apache Superset.")
    actions = parser.add_subparsers(required=True)
    actions.add_parser("init").set_defaults(action=lambda _: init())
    actions.add_parser("serve").set_defaults(action=lambda _: serve())
    actions.add_parser("move").set_defaults(action=lambda _: move())
    session = actions.add_parser("session")
    session.add_argument("username")
    session.set_defaults(action=lambda options: print_session(options.username))
    options = parser.parse_args()
    home = Path(required("SUPERSET_HOME"))
    required("SUPERSET_SECRET_KEY")
    check_issuer()
    check_metadata()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["SUPERSET_CONFIG_PATH"] = str(SERVER / "superset_config.py")
    os.environ["FLASK_APP"] = "superset.app:create_app()"
    options.action(options)


def required(name: str) -> str:
    """Return a setting of the environment, or end the process with a sentence that names it."""
    value = os.environ.get(name, "").strip()
    if not value:
        sys.exit(f"The setting {name} is absent. Run `make install`, which writes it to .env, or export it.")
    return value


def check_issuer() -> None:
    """End the process with a sentence if accounts are to come in through an issuer that could not be trusted."""
    issuer = os.environ.get("CYBERIMPACT_OIDC_ISSUER", "")
    if not issuer:
        return
    if not issuer.startswith(("https://", "http://127.0.0.1:")):
        sys.exit("CYBERIMPACT_OIDC_ISSUER is not an https:// address: set it to the issuer's, or leave it empty.")
    required("CYBERIMPACT_OIDC_CLIENT_ID")
    required("CYBERIMPACT_OIDC_CLIENT_SECRET")


def check_metadata() -> None:
    """End the process with a sentence if the metadata database that is set cannot be reached.

    Superset itself would write its address into the log, the password in it.
    """
    address = os.environ.get("CYBERIMPACT_SUPERSET_METADATA_URI")
    if not address:
        return
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    try:
        create_engine(address).connect().close()
    except SQLAlchemyError:
        sys.exit("The metadata database does not answer. Start it, or correct CYBERIMPACT_SUPERSET_METADATA_URI.")


def init() -> None:
    """Bring the metadata database, the roles and the administrator to what this version needs.

    The password in the environment is the truth: an administrator whose password differs is given it.
    """
    password = required("SUPERSET_ADMIN_PASSWORD")
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        upgrade_database(app)
        prepare_own_tables()
        synchronise_roles()
        ensure_administrator(os.environ.get("SUPERSET_ADMIN_USERNAME", "admin"), password)


def move() -> None:
    """Move the metadata from the file of the home to the database that the setting names, and print its rows by table.

    A move that dies leaves the file as it was, and in the database no rows of people.
    """
    required("CYBERIMPACT_SUPERSET_METADATA_URI")
    file = Path(required("SUPERSET_HOME")) / "superset.db"
    if not file.exists():
        sys.exit(f"{file} does not exist: nothing is to be moved.")
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        upgrade_database(app)
        prepare_own_tables()
        import moving  # beside `superset_config.py`, as `sessions`
        from sqlalchemy.exc import SQLAlchemyError

        from superset import db

        try:
            with db.engine.begin() as target:
                moved = moving.move(file, target)
        except SQLAlchemyError as problem:
            reason = str(getattr(problem, "orig", problem)).partition("\n")[0]
            sys.exit(f"Nothing was moved: {reason}. Stop what writes the databases, or correct that row in the file.")
    file.rename(file.with_name(f"{file.name}.moved"))
    print(json.dumps(moved))


def upgrade_database(app) -> None:  # noqa: ANN001 - Flask exists in Superset's environment only
    """Migrate the metadata database, unless it is at the latest revision already."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from flask_migrate import upgrade

    from superset import db

    migrate = app.extensions["migrate"]
    heads = ScriptDirectory(migrate.directory).get_heads()
    with db.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_heads()
    if set(present) == set(heads):
        say("metadata database: up to date")
        return
    say("metadata database: migrating, about 15 s for a new one")
    upgrade(directory=migrate.directory)
    if db.engine.url.get_backend_name() == "sqlite":
        # Readers then do not wait for the writer; the mode is kept in the file.
        with sqlite3.connect(db.engine.url.database) as connection:
            connection.execute("pragma journal_mode = wal")
    db.engine.dispose()


def prepare_own_tables() -> None:
    """Create the project's own table in the metadata database, and take secrets out of what earlier versions logged."""
    import action_log  # beside `superset_config.py`, which has put their folder on the path
    import sessions

    from superset import db

    sessions.SessionEpoch.__table__.create(db.engine, checkfirst=True)
    if cleaned := action_log.clean(db.engine):
        say(f"action log: secrets taken out of {cleaned} entries")


def synchronise_roles() -> None:
    """Create or complete the permissions and the built-in roles, unless this version of Superset did so already."""
    from importlib.metadata import version

    from security import OWN_PERMISSIONS  # beside `superset_config.py`, which has put their folder on the path

    stamp = Path(os.environ["SUPERSET_HOME"]) / "roles.version"
    wanted = f"{version('apache-superset')} with {json.dumps(OWN_PERMISSIONS)}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        say("roles: up to date")
        return
    from superset import appbuilder, db, security_manager

    say("roles: synchronising, about 15 s")
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    db.session.commit()
    stamp.write_text(wanted, encoding="utf-8")


def ensure_administrator(username: str, password: str) -> None:
    """Create the administrator, or give it the password of the environment if it has another."""
    from werkzeug.security import check_password_hash

    from superset import security_manager

    user = security_manager.find_user(username=username)
    if user is None:
        role = security_manager.find_role("Admin")
        created = security_manager.add_user(
            username, "Administrateur", "cyberimpact", f"{username}@localhost.invalid", role, password=password
        )
        if not created:
            sys.exit(f"Superset refused to create the account {username}. Its log, above, says why.")
        say(f"account {username}: created")
    elif check_password_hash(user.password or "", password):
        say(f"account {username}: present")
    else:
        security_manager.reset_password(user.id, password)
        say(f"account {username}: password set again from SUPERSET_ADMIN_PASSWORD")


def serve() -> None:
    """Replace this process with gunicorn: threads, since queries run in other processes.

    Kept answers are forgotten first: they are of a former copy if one was published while the server was down.
    """
    kept = Path(os.environ["SUPERSET_HOME"]) / "cache"  # as in `superset_config.py`
    if kept.exists():
        shutil.rmtree(kept)
    port = os.environ.get("CYBERIMPACT_SUPERSET_PORT", "8088")
    os.execv(  # noqa: S606 - no shell
        sys.executable,
        [
            sys.executable,
            "-m",
            "gunicorn",
            f"--bind=127.0.0.1:{port}",
            f"--workers={os.environ.get('CYBERIMPACT_SUPERSET_WORKERS', '1')}",
            "--worker-class=gthread",
            "--threads=64",  # more than requests may be in flight (`request_limits`): pages and logins find some
            "--timeout=120",
            "--keep-alive=75",  # above that of clients: else one closes while a request is on its way
            "--no-control-socket",  # it would lie outside the data, where a unit of systemd may not write
            "--limit-request-line=0",
            "--limit-request-field_size=0",
            f"--chdir={os.environ['SUPERSET_HOME']}",
            f"--config={SERVER / 'gunicorn_hooks.py'}",
            "superset.app:create_app()",
        ],
    )


def print_session(username: str) -> None:
    """Print a session of an account as `{cookie: value}`, as if it had just come in.

    It takes no password, and so does not depend on how people come in: who may read the server's key needs none.
    """
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        from superset.utils.machine_auth import MachineAuthProvider

        from superset import security_manager

        user = security_manager.find_user(username=username)
        if user is None or not user.is_active:
            sys.exit(f"There is no open account {username}. `cyberimpact superset apply` makes those of the policies.")
        print(json.dumps(MachineAuthProvider.get_auth_cookies(user)))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
