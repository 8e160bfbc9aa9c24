"""What the command line has written, to the last file, is for its own account only."""

from cli.commands import doctor
from tests.e2e.line import Line


def test_no_file_of_a_home_is_open_to_other_accounts(golden: Line) -> None:
    assert len(list(golden.home.root.rglob("*"))) > 100, "a home that was loaded, built and published"
    finding = doctor.modes(golden.home)
    assert finding.state == "ok", finding.detail
