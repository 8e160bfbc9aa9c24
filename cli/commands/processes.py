"""The commands `up`, `down`, `cluster`, `dev` and `watch`, which start and stop what runs for long."""

from cli.output import say


def up() -> None:
    """Start the platform under its supervisor, run the main job and publish the dashboards (see `make up`)."""
    from cli import supervisor

    supervisor.up()
    say(supervisor.addresses())


def down() -> None:
    """Stop what `up` has started (see `make down`)."""
    from cli import supervisor

    supervisor.down()


def cluster() -> None:
    """Start the processes that the engine needs on this machine (see `make cluster`)."""
    from cli import supervisor

    supervisor.cluster()


def dev() -> None:
    """Run Dagster and the Superset that lets people into it, until Ctrl-C (see `make dev`)."""
    from cli import supervisor

    supervisor.dev()


def watch() -> None:
    """Load, build and publish listening and chat as they come, and send the alerts; until stopped."""
    from orchestration.microbatch import watch as watch_until_killed

    watch_until_killed()
