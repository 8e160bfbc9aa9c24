"""What the command line has written, to the last file, is for its own account only."""

from cli import health_checks
from tests.e2e.line import Line


def test_no_file_of_a_home_is_open_to_other_accounts(golden: Line) -> None:
    assert len(list(golden.home.root.rglob("*"))) > 100, "a home that was loaded, built and published"
    finding = health_checks.modes(golden.home)
    assert finding.state == "ok", finding.detail
