"""Loads every raw file through the command line, publishes, and compares each figure and each count."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest

from core.settings import Home
from tests.e2e.line import Done, Line
from tests.rawfiles import commands, expectations, reference, traps
from tests.rawfiles.deliveries import LARGE, SMALL, Desk, File, Size
from tests.rawfiles.figures import LEVELS, PERIODS, Cell, Expected, Figures

pytestmark = pytest.mark.long

#: Victims below this number are hidden.
FEW = 5
SHOWN = 30

#: How a report says what became of rows: `2 new, 1 updated`.
_COUNT = re.compile(r"(?<![\w.])(\d+) ([a-z]+)(?=,|$)")


@dataclass
class World:
    """A home into which every file was loaded, and what was said meanwhile."""

    desk: Desk
    line: Line
    loads: dict[Path, dict[str, int]] = field(default_factory=dict)
    reports: dict[Path, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@pytest.fixture(
    scope="module", params=[pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.proof)]
)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, copy_manifests: Callable[[Home], None]
) -> World:
    """Load all files in their order, build and publish once."""
    root = tmp_path_factory.mktemp("rawfiles")
    copy_manifests(Home(root / "home"))
    return load_and_publish(root, request.param)


def load_and_publish(root: Path, size: Size) -> World:
    """Return a home with every file of a size, published."""
    (root / "desk").mkdir()
    desk = expectations.deliver(root / "files", size)
    poison = Desk(root / "poison", size, Figures({}))
    traps.deliver(poison)
    deliveries = [
        (platform, list(files))
        for written in (desk, poison)
        for platform, files in groupby(written.files, key=lambda file: file.platform)
    ]
    loads = [("load", platform, *(str(file.path) for file in files)) for platform, files in deliveries]
    found = World(desk, Line(Home(root / "home"), root, root / "desk"))
    *loaded, built, published = commands.run(found.line, [*loads, ("build",), ("publish",)])
    for (platform, files), done in zip(deliveries, loaded, strict=True):
        _note(found, platform, files, done)
    for done in (built, published):
        if done.code or "None" in done.out:
            found.problems.append(f"exit code {done.code}: {done.out[-1000:]} {done.err[-2000:]}")
    desk.files += poison.files
    return found


def _note(world: World, platform: str, files: list[File], done: Done) -> None:
    """Note what a load said of each file."""
    if (done.code != 0) != any(file.is_refused for file in files):
        said = " ".join(done.err.split())[-400:] or done.out.strip()
        world.problems.append(f"load {platform}: exit code {done.code}: {said}")
    reports = [line for line in done.out.splitlines() if f"{platform}: " in line and " read, " in line]
    for file, report in zip((file for file in files if not file.is_refused), reports, strict=False):
        world.reports[file.path] = report
        said = report[: report.find(";")]
        world.loads[file.path] = {name: int(count) for count, name in _COUNT.findall(said)}


def test_every_command_succeeds(world: World) -> None:
    """Good files load, bad ones are refused with an exit code, and what was loaded is published."""
    assert not world.problems, "\n".join(world.problems)


def test_every_row_is_accounted_for(world: World) -> None:
    """Each load says what became of each row, and says the same as the files."""
    differences = []
    for file in world.desk.files:
        counts = world.loads.get(file.path)
        wanted = {name: getattr(file, name) for name in ("read", "new", "updated", "quarantined")}
        if counts is None:
            if not file.is_refused:
                differences.append(f"{file.platform}/{file.path.name}: no report, wanted {wanted}")
        elif {name: counts.get(name) for name in wanted} != wanted:
            differences.append(f"{file.platform}/{file.path.name}: wanted {wanted}, other {file.other}; got {counts}")
        elif counts["read"] != sum(count for name, count in counts.items() if name != "read"):
            differences.append(f"{file.platform}/{file.path.name}: rows are lost: {counts}")
    assert not differences, "\n".join(differences)


def test_reports_tell_of_repairs_and_reversals(world: World) -> None:
    """A report counts the characters that were repaired, and the rows that changed to an older value."""
    differences = []
    for file in world.desk.files:
        report = world.reports.get(file.path, "")
        if file.repaired and not re.search(rf"\b{file.repaired} repaired characters?\b", report):
            differences.append(f"{file.path.name}: {file.repaired} repaired characters are not in: {report}")
        if file.reverted and f"{file.reverted} rows changed to an older value" not in report:
            differences.append(f"{file.path.name}: {file.reverted} reverted rows are not in: {report}")
    assert not differences, "\n".join(differences)


@pytest.fixture(scope="module")
def published(world: World) -> dict[str, dict[Cell, tuple[Decimal | None, bool]]]:
    """Return what readers see, by KPI."""
    found: dict[str, dict[Cell, tuple[Decimal | None, bool]]] = {}
    columns = "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value"
    for code, *cell, value, is_hidden in world.line.rows(
        f"select kpi_code, {columns}, value, is_suppressed from kpi.kpi_value"
    ):
        if cell[0] in PERIODS and cell[2] in LEVELS:
            found.setdefault(code, {})[Cell(code, *cell)] = (value, is_hidden)
    return found


@pytest.fixture(scope="module")
def wanted(world: World) -> dict[str, dict[Cell, Expected]]:
    return expectations.expected(world.desk.figures)


@pytest.mark.parametrize("code", expectations.CODES)
def test_figure(
    code: str,
    published: dict[str, dict[Cell, tuple[Decimal | None, bool]]],
    wanted: dict[str, dict[Cell, Expected]],
) -> None:
    """Each figure of a KPI is the one that the files give, by period, place and breakdown; none is missing or more."""
    differences = list(_differences(wanted[code], published.get(code, {})))
    shown = "\n".join(differences[:SHOWN])
    assert not differences, f"{len(differences)} of {len(wanted[code])} figures differ:\n{shown}"


def _differences(wanted: dict[Cell, Expected], found: dict[Cell, tuple[Decimal | None, bool]]) -> Iterator[str]:
    for cell in sorted(wanted.keys() | found.keys(), key=lambda cell: (*map(str, cell),)):
        figure, (value, is_hidden) = wanted.get(cell), found.get(cell, (None, False))
        if figure is None:
            if value:
                yield f"{cell}: nothing is wanted, got {value}"
        elif figure.victims is not None and 0 < figure.victims < FEW:
            if value is not None:
                yield f"{cell}: {value} is shown of {figure.victims} victims"
        elif is_hidden:
            if figure.victims is None:
                yield f"{cell}: hidden, wanted {figure.value}"
        elif value != figure.value and not (value is None and figure.value == 0):
            yield f"{cell}: wanted {figure.value}, got {value}"


def test_figures_of_victims_are_hidden_rarely(
    published: dict[str, dict[Cell, tuple[Decimal | None, bool]]], wanted: dict[str, dict[Cell, Expected]]
) -> None:
    """What protects small counts hides few others, and never a year of the nation."""
    for code in ("perceval_reports", "victims_assisted"):
        hidden = [cell for cell, (_, is_hidden) in published.get(code, {}).items() if is_hidden]
        assert len(hidden) < len(wanted[code]) / 10
        of_nation = [
            cell for cell in hidden if (cell.period, cell.level, cell.dimension) == ("year", "nation", "total")
        ]
        assert not [cell for cell in of_nation if (wanted[code][cell].victims or 0) >= FEW]


def test_headcounts_are_published(world: World) -> None:
    """A mart has men and women by category; a count that is not given is left out and hides nothing of its year."""
    found = {
        (year, category, sex): people
        for year, category, sex, people in world.line.rows(
            "select year(year_start), category, sex, people from actors.fct_headcount"
        )
    }
    wanted = {
        (year, category, sex): people
        for (year, category), counts in reference.headcounts().items()
        for sex, people in zip(("Hommes", "Femmes"), counts, strict=True)
        if people is not None
    }
    assert found == wanted


def test_places_that_nobody_knows_are_listed(world: World) -> None:
    """A region that no territory has is in one table, with the visits that came from it."""
    found = world.line.rows(
        "select label, volume from audit.unknown_place where platform = 'audience' and field = 'region'"
    )
    assert dict(found) == world.desk.unknown_regions
