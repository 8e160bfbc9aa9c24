"""Writes the files of a new KPI, platform or chart from the templates of `cli/templates`."""

import json
import re
from collections.abc import Mapping
from keyword import iskeyword
from pathlib import Path
from string import Template

from core import settings
from core.errors import ExpectedFailure

TEMPLATES = Path(__file__).with_name("templates")
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def new_kpi(code: str, *, pillar: str, title: str, mart: str, key: str, day: str) -> list[Path]:
    """Write a KPI that counts the rows of the model `mart`, whose key and date are `key` and `day`.

    Its texts are empty and its unit test fails: the project's tests refuse it until both are written.

    Returns:
        The files that were written, relative to the checkout; the union of all KPIs is one of them.

    Raises:
        ExpectedFailure: a name is not in snake_case, a file exists already, or there is no such mart.
    """
    checkout = _checkout(code=code, mart=mart, key=key, day=day)
    models = checkout / "dbt_project" / "models"
    if not any(models.rglob(f"{mart}.*")):
        raise ExpectedFailure(f"There is no model {mart}.", "Write the mart first; see dbt_project/models/marts.")
    _refuse_existing(*(models / "kpi").glob(f"*/kpi_{code}.*"))
    values = {"code": code, "pillar": pillar, "title": _quoted(title), "mart": mart, "key": key, "day": day}
    union = models / "kpi" / "kpi_value.sql"
    return _write(
        checkout,
        new={
            models / "kpi" / pillar / f"kpi_{code}{suffix}": _filled(f"kpi/{template}", values)
            for suffix, template in {
                "__observations.sql": "observations.sql",
                "__observations.yml": "observations.yml",
                ".sql": "kpi.sql",
                ".yml": "kpi.yml",
            }.items()
        },
        changed={union: _with_kpi(union.read_text(encoding="utf-8"), code)},
    )


def new_platform(name: str, *, pillar: str, title: str, table: str) -> list[Path]:
    """Write a connector with one table, its staging model, and its entry in the registry of platforms.

    Returns:
        The files that were written, relative to the checkout.

    Raises:
        ExpectedFailure: a name is not in snake_case, or a file exists already.
    """
    checkout = _checkout(name=name, table=table)
    connector = checkout / "ingestion" / "connectors" / name
    staging = checkout / "dbt_project" / "models" / "staging" / name
    _refuse_existing(connector, staging)
    setting = f"CYBERIMPACT_{name.upper()}"
    values = {"name": name, "pillar": pillar, "table": table, "setting": setting}
    values |= {"title": _quoted(title), "heading": title}
    registry = checkout / "ingestion" / "platforms.py"
    entry = _filled("platform/registry.py", values)
    return _write(
        checkout,
        new={
            connector / file: _filled(f"platform/{file}", values)
            for file in ("__init__.py", "contract.py", "client.py", "README.md")
        }
        | {
            staging / f"stg_{name}__{table}.{kind}": _filled(f"platform/staging.{kind}", values)
            for kind in ("sql", "yml")
        },
        changed={registry: _with_platform(registry.read_text(encoding="utf-8"), entry)},
    )


def new_chart(slug: str, *, pillar: str, title: str, kpi: str) -> list[Path]:
    """Write a chart of a KPI, month by month.

    Returns:
        The file that was written, relative to the checkout.

    Raises:
        ExpectedFailure: a name is not in snake_case, the chart exists already, or there is no such KPI.
    """
    checkout = _checkout(slug=slug, kpi=kpi)
    if not any((checkout / "dbt_project" / "models" / "kpi").glob(f"*/kpi_{kpi}.yml")):
        raise ExpectedFailure(f"There is no KPI {kpi}.", "`cyberimpact new kpi` writes one.")
    charts = checkout / "superset" / "bundle" / "charts"
    _refuse_existing(*charts.glob(f"*/{slug}.yaml"))
    text = _filled("chart/chart.yaml", {"title": _quoted(title), "kpi": kpi})
    return _write(checkout, new={charts / pillar / f"{slug}.yaml": text})


def _checkout(**names: str) -> Path:
    """Return the checkout, once every name is fit for a file, a table and a Python module.

    Raises:
        ExpectedFailure: a name is not in snake_case, or the code does not run from a checkout.
    """
    for what, name in names.items():
        if not SNAKE_CASE.fullmatch(name) or iskeyword(name):
            raise ExpectedFailure(f"The {what} {name!r} is no name in snake_case.", "Write it like `answer_rate`.")
    if not (settings.IS_CHECKOUT and (settings.CHECKOUT / "dbt_project" / "dbt_project.yml").is_file()):
        raise ExpectedFailure(
            f"{settings.CHECKOUT} is not a checkout of cyberimpact.",
            "Run the command in a clone, after `make install`.",
        )
    return settings.CHECKOUT


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ExpectedFailure(
                f"{path.relative_to(settings.CHECKOUT)} exists already.", "Choose another name, or edit what is there."
            )


def _quoted(text: str) -> str:
    """Return a text as a string of YAML and of Python alike."""
    return json.dumps(text, ensure_ascii=False)


def _filled(template: str, values: Mapping[str, str]) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(values)


def _with_kpi(union: str, code: str) -> str:
    """Return the model of the union with a KPI more, in alphabetical order."""
    head, list_end, rest = union.partition("] %}\n")
    first, *refs = head.splitlines()
    return "\n".join([first, *sorted([*refs, f"    ref('kpi_{code}'),"]), list_end + rest])


def _with_platform(registry: str, entry: str) -> str:
    """Return the registry's source with an entry at the end of its list."""
    head, start, rest = registry.partition("\nPLATFORMS")
    entries, list_end, rest = rest.partition("\n)\n")
    return f"{head}{start}{entries}\n{entry.rstrip()}{list_end}{rest}"


def _write(checkout: Path, new: Mapping[Path, str], changed: Mapping[Path, str] | None = None) -> list[Path]:
    files = {**new, **(changed or {})}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [path.relative_to(checkout) for path in files]
