"""No identifier of a person in any byte that a load writes or prints. Recall on running text is measured elsewhere.

Every field that is redacted, pseudonymised or dropped gets identifiers of every structured kind and spelling, in a
record that the contract accepts, in one that it rejects, and in answers that it refuses.
"""

import json
import logging
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import dlt
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as checked

from core.errors import ExpectedFailure
from ingestion.engine import quarantine
from ingestion.engine.contract import Field, Rejection, Row, Table
from ingestion.engine.loading import load
from ingestion.engine.parsers import free_text, pseudonym, redacted_text
from ingestion.engine.validation import MANY_RECORDS
from privacy import redact
from tests.ingestion import every_connector
from tests.ingestion.every_connector import IN_PROOF, NAMES, SECRET
from tests.ingestion.reading import read_one
from tests.privacy.identifiers import STRUCTURED, Identifier, identifier, names, references, sentences

SPP = "services_publics_plus"

Record = dict[str, Any]

#: Where each test writes what is logged, below its home.
LOG = Path("logs", "load.log")

#: A parser that changes this redacts.
PROBE = "Rappelez le 06 12 34 56 78"

#: Texts of seven identifiers that every field is given at once: a load takes a second, a text next to nothing.
MANY_TEXTS = 20

#: One of them satisfies every parser that accepts more than a list of values.
CANDIDATES = (
    "1",
    "33",
    "33000",
    "2025-01-02",
    "2025-01-02T10:00:00Z",
    "2025-01",
    "1735812000",
    "1735812000000",
    "https://exemple.fr/a",
    "answer_rate",
    "2025",
)

#: What a platform's rule wants besides: an account that is declared.
KNOWN = {"account": "Gendarmerie"}


class Texts(NamedTuple):
    """Texts to plant, by what is to become of them, and what must not remain of them."""

    running: str
    identifying: str
    dropped: str
    needles: list[str]


@cache
def drawn_texts() -> list[tuple[str, list[Identifier]]]:
    """Return what Hypothesis makes of identifiers of every kind, its simplest ideas and its strangest.

    Of two texts, the second holds names and references too.
    """
    drawn: list[tuple[str, list[Identifier]]] = []
    structured = [identifier(kind) for kind in STRUCTURED]

    @checked(
        max_examples=MANY_TEXTS,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(running=sentences(*structured), other=sentences(*structured, names(), references()))
    def keep(running: tuple[str, list[Identifier]], other: tuple[str, list[Identifier]]) -> None:
        drawn.extend([running, other])

    keep()
    return drawn


def planted_texts() -> list[tuple[str, list[str]]]:
    """Return running texts with structured identifiers, each with what must not remain of it."""
    return [
        (text, [needle for drawn_text in found for needle in drawn_text.needles]) for text, found in drawn_texts()[::2]
    ]


def texts() -> Texts:
    """Return all of them together, by what is to become of them."""
    drawn = drawn_texts()
    running, dropped = drawn[::2], drawn[1::2]
    reference = dropped[-1][1][-1]
    return Texts(
        "\n".join(text for text, _ in running),
        reference.text,
        "\n".join(text for text, _ in dropped),
        [needle for _, found in drawn for drawn_text in found for needle in drawn_text.needles],
    )


# ---- records that their contract accepts


def accepted_value(field: Field) -> str:
    """Return a text that the parser of a field accepts; one with a list of values names them when it refuses."""
    for candidate in CANDIDATES:
        try:
            field.parse(candidate)
        except ValueError as refusal:
            listed = re.search(r"(?:is none of|valeurs possibles) ?: ([^,]+)", str(refusal))
            if listed:
                return listed[1]
        else:
            return candidate
    raise AssertionError(f"{field.name}: no candidate is accepted")


def read(table: Table, record: Record) -> Row | Rejection:
    return read_one(table, record)


def sample(table: Table) -> Record:
    """Return a record that the contract of a table accepts: with what it must have, or else with all it may have."""
    given_by_platform = [field for field in table.fields if not field.filled_by_load]
    full: Record = {field.name: KNOWN.get(field.name) or accepted_value(field) for field in given_by_platform}
    least = full | {field.name: None for field in given_by_platform if field.nullable}
    for record in (least, full):
        if not isinstance(read(table, record), Rejection):
            return record
    raise AssertionError(f"{table.name}: {read(table, full)}")


@pytest.fixture(scope="session")
def _homes() -> dict[str, Path]:
    return {}


@pytest.fixture
def home(name: str, tmp_path_factory, monkeypatch: pytest.MonkeyPatch, _homes: dict[str, Path]) -> Iterator[Path]:
    """The home of one platform, made once, behind secrets that are recognised; it holds a structured log too."""
    root = _homes.get(name) or _homes.setdefault(name, tmp_path_factory.mktemp(name))
    monkeypatch.setenv("CYBERIMPACT_HOME", str(root))
    every_connector.use_secrets(monkeypatch)
    with every_connector.json_log(root / LOG):
        yield root


# ---- what is planted


def is_running_text(field: Field) -> bool:
    """Tell whether a field is redacted: because its parser does, or because its description says so."""
    if field.filled_by_load or field.parse is pseudonym or field.name in KNOWN:
        return False
    if field.parse in (free_text, redacted_text) or "redacted" in field.description:
        return True
    try:
        return "[TÉLÉPHONE]" in str(field.parse(PROBE))
    except ValueError:
        return False


def is_protected(table: Table) -> bool:
    return bool(table.dropped) or any(is_running_text(f) or f.parse is pseudonym for f in table.fields)


PROTECTED = [name for name in NAMES if any(is_protected(table) for table in every_connector.contract(name))]


def planted(table: Table, record: Record, found: Texts) -> Record:
    """Return a record with identifiers in every field that is to be protected, and in a column that nobody knows."""
    full = dict(record)
    for field in table.fields:
        if is_running_text(field):
            full[field.name] = found.running
        elif field.parse is pseudonym:
            full[field.name] = found.identifying
    full |= {group.labels[0]: found.dropped for group in table.dropped}
    if "colonnes_inconnues" in table.field_names:
        full["remarque_inattendue"] = found.running
    return full


def spoilt(table: Table, record: Record, text: str) -> list[Record]:
    """Return a record with a text where something else is declared: it is rejected, and kept redacted."""
    columns = table.understand(tuple(record), table.name).columns
    for label, field in columns.items():
        if (
            field.parse is not pseudonym
            and not is_running_text(field)
            and field.name not in {table.key, *table.key_parts}
        ):
            try:
                field.parse(text)
            except ValueError:
                return [record | {label: text}]
    return []


def give(monkeypatch: pytest.MonkeyPatch, name: str, pages: Mapping[str, Sequence[Record]]) -> None:
    """Make a platform give these records, in place of what its address gives."""
    source = dlt.source(
        lambda: [dlt.resource([list(page)], name=table) for table, page in pages.items()], name=name, section=name
    )
    module = every_connector.module(name)
    monkeypatch.setattr(module, "build_source", source, raising=False)
    monkeypatch.setattr(module, "address", lambda: "http://127.0.0.1/planted", raising=False)


# ---- what must not remain


def test_what_an_escape_of_json_hides_in_a_log_is_found(tmp_path):
    needles = ['zoé "dupont"', "2 rue\tbasse", "06\u202f12\u202f34", "mme martin"]
    with every_connector.json_log(tmp_path / "a.log"):
        logging.getLogger(__name__).warning("%s\n%s", *needles[:2])
    other = {"record": [{"extra": {"MME MARTIN": needles[2]}}]}  # other libraries escape what is not ASCII
    (tmp_path / "b.log").write_text(f"a line of text\n{json.dumps(other)}\n")
    found = every_connector.leaks(every_connector.remains(tmp_path), needles)
    assert sorted(found) == sorted(
        [f"{needle!r} in {name}.log, unescaped" for needle, name in zip(needles, "aabb", strict=True)]
        + [f"{needles[3]!r} in b.log"]
    )


@pytest.mark.parametrize("kind", STRUCTURED)
def test_no_spelling_of_an_identifier_is_left_in_a_text(kind):
    left: list[tuple[str, str]] = []

    @checked(max_examples=200, database=None, derandomize=True, phases=[Phase.generate], deadline=None)
    @given(planted_text=sentences(identifier(kind)))
    def search(planted_text: tuple[str, list[Identifier]]) -> None:
        text, (found,) = planted_text
        redacted = redact(text)
        if every_connector.leaks([("", redacted.lower())], found.needles):
            left.append((text, redacted))

    search()
    assert left == []


@pytest.mark.parametrize("name", PROTECTED)
def test_no_identifier_is_left_behind(home, monkeypatch, caplog, capsys, name):
    caplog.set_level(logging.INFO)
    found = texts()
    tables = [table for table in every_connector.contract(name) if is_protected(table)]
    pages = {table.name: [planted(table, sample(table), found)] for table in tables}
    rejected = spoilt(tables[0], pages[tables[0].name][0], found.running)
    pages[tables[0].name] += rejected
    give(monkeypatch, name, pages)
    report = load(name)
    assert report.total("rows_new") == len(tables)
    assert report.total("rows_quarantined") == len(quarantine.entries(name)) == len(rejected)
    said = "\n".join([caplog.text, *capsys.readouterr(), repr(report), report.summary()]).lower()
    assert every_connector.leaks([("report", said), *every_connector.remains(home)], [*found.needles, SECRET]) == []


def nested(table: Table, record: Record, text: str) -> list[Record]:
    label = next(iter(table.understand(tuple(record), table.name).columns))
    return [record | {label: {"dit": text}}]


def renamed(table: Table, record: Record, text: str) -> list[Record]:
    """Return a record whose first required column is gone, and whose label holds a text of somebody."""
    required = next((field for field in table.fields if field.required), None)
    if required is None:
        return []
    others = {name: value for name, value in record.items() if name != required.name}
    return [others | {text: "1"}]


def hopeless(table: Table, record: Record, text: str) -> list[Record]:
    return spoilt(table, record, text) * MANY_RECORDS


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if rank % 4 == 0 else [IN_PROOF]) for rank, name in enumerate(PROTECTED)]
)
def test_no_failure_tells_an_identifier(home, monkeypatch, caplog, capsys, name):
    caplog.set_level(logging.INFO)
    text, needles = "Rappel 06 12 34 56 78, sophie.marchal@exemple.fr", ["12 34 56 78", "12345678", "sophie.marchal"]
    table = next(table for table in every_connector.contract(name) if is_protected(table))
    for make in (nested, renamed, hopeless):
        if page := make(table, sample(table), text):
            give(monkeypatch, name, {table.name: page})
            with pytest.raises(ExpectedFailure) as failure:
                load(name)
            output = "\n".join([*traceback.format_exception(failure.value), caplog.text, *capsys.readouterr()]).lower()
            logging.getLogger(__name__).error(
                "a load", exc_info=failure.value
            )  # as services note what they go on after
            assert every_connector.leaks([("failure", output), *every_connector.remains(home)], needles) == []
    assert '"exception": "Traceback' in (home / LOG).read_text()


HEADER = (
    "ID expérience;Etat expérience;Date de publication;Titre;Description;Ressenti usager;Pays;Téléphone;Observation"
)


def damaged_export(found: Texts) -> str:
    """Return an export whose texts are planted, and whose last lines are out of their columns or cut."""
    text = found.running.replace('"', "'")
    rows = [
        f'1;Traitée;06/10/2022 15:07;"{text}";"{text}";Positif;France;"{found.dropped}";"{text}"',
        f'1;Traitée;06/10/2022 15:07;"{text}";"{text}";Négatif;France;;',
        f'2;Traitée;"{text}";"{text}";"{text}";Positif;France;;',
        f'3;Traitée;06/10/2022 15:07;"{text}";"{text}";Positif;France;;;;"{text}"',
        f'4;Traitée;06/10/2022 15:07;"{text}";"{text}',
    ]
    return "\n".join([HEADER, *rows])


@pytest.mark.parametrize("name", [SPP])
def test_a_damaged_file_leaves_no_identifier_behind(home, tmp_path, caplog, capsys, name):
    caplog.set_level(logging.INFO)
    found = texts()
    file = tmp_path / "export.csv"
    file.write_text(damaged_export(found), encoding="utf-8")
    report = load(name, file=file)
    assert not report.complete
    assert report.total("rows_quarantined") >= 3
    said = "\n".join([caplog.text, *capsys.readouterr(), repr(report), report.summary()]).lower()
    assert every_connector.leaks([("report", said), *every_connector.remains(home)], found.needles) == []
    assert load(name, file=file).total("rows_new") == 0
