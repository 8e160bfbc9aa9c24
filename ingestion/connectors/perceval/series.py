"""Parses the JSON file of PERCEV@L into its four series."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import ExpectedFailure
from core.normalize_text import words
from ingestion.connectors.perceval.contract import (
    CONTRACT,
    DAILY_AMOUNTS,
    DAILY_REPORTS,
    MONTHLY_AGES,
    MONTHLY_DEPARTEMENTS,
)
from ingestion.engine.contract import Table
from ingestion.engine.files import name_of
from ingestion.engine.parsed_file import Adapt, ParsedFile, parse_json, parse_tabular
from privacy import redact

log = logging.getLogger(__name__)

_PLATFORM = "perceval"

#: Keys of the document [certain].
REPORTS, AMOUNTS = "nb_report_day", "amount_of_money_day"
DEPARTEMENTS, AGES = "dpt_report_month", "age_categories_month"

#: Words of a name that announce what a victim types into the form of PERCEV@L, and that is never ingested.
_FORBIDDEN_WORDS = frozenset({"card", "cards", "carte", "cartes", "cb", "opposition", "oppositions", "pan"})

Found = Iterable[tuple[Table, Iterable[Mapping[str, Any]]]]


def open_file(path: Path) -> ParsedFile:
    """Open a file of PERCEV@L: the document of four series, or one series as CSV or JSON Lines.

    Raises:
        ExpectedFailure: the file cannot be read, lacks a series, names something twice, or holds a card number or an
            opposition number.
    """
    where = f"{_PLATFORM}, file {name_of(path)}"
    if path.suffix.lower() != ".json":
        return parse_tabular(path, _PLATFORM, CONTRACT, _without_payment_data)

    def read(document: Any) -> Found:
        _refuse_payment_data(document, where)
        tables = {
            DAILY_REPORTS: _by_day(document[REPORTS], "count"),
            DAILY_AMOUNTS: _by_day(document[AMOUNTS], "amount"),
            MONTHLY_DEPARTEMENTS: _by_month(document[DEPARTEMENTS], "dpt_code"),
            MONTHLY_AGES: _by_month(document[AGES], "age_cat"),
        }
        for sentence in _warnings(document):
            log.warning("%s: %s", where, sentence)
        return tables.items()

    return parse_json(path, _PLATFORM, read)


def _without_payment_data(_labels: Sequence[str], where: str) -> Sequence[tuple[Table | None, Adapt]]:
    def checked(values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        _refuse_payment_data(values, where)
        return [values]

    return [(None, checked)]


def _by_day(series: Mapping[str, Any], measure: str) -> list[dict[str, Any]]:
    return [{"day": day, measure: value} for day, value in series.items()]


def _by_month(series: Mapping[str, Mapping[str, Any]], part: str) -> list[dict[str, Any]]:
    return [
        {"month": month, part: name, "count": count}
        for month, counts in series.items()
        for name, count in counts.items()
    ]


def _refuse_payment_data(document: Any, where: str) -> None:
    """Refuse a document with a card or opposition number anywhere in it, without repeating the number."""
    for name, value in _leaves(document):
        if not _FORBIDDEN_WORDS.isdisjoint(words(name)) or any(map(_is_card_number, (name, value))):
            raise ExpectedFailure(
                f"{where}: it holds a card number or an opposition number, or a field that announces one.",
                "Nothing was loaded: delete the file, and ask the producer for the aggregates alone.",
            )


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a document that is no object or list, and its own name; every name comes at least once."""
    match value:
        case dict():
            for key, inner in value.items():
                yield key, None
                yield from _leaves(inner, key)
        case list():
            for inner in value:
                yield from _leaves(inner, name)
        case _:
            yield name, value


def _is_card_number(value: Any) -> bool:
    """Return whether a text or a whole number is one; the digits of an amount such as 8123.450000000001 are none."""
    return isinstance(value, str | int) and "[CARTE]" in redact(str(value))


def _warnings(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the reader of the log should know: series that are not read, and months that do not add up."""
    for name in sorted(document.keys() - {REPORTS, AMOUNTS, DEPARTEMENTS, AGES}):
        yield f"the series {redact(name)!r} is unknown and was not read."
    by_day: Counter[str] = Counter()
    for day, count in document[REPORTS].items():
        by_day[day[:7]] += _whole(count)
    by_departement, by_age = (_totals(document[series]) for series in (DEPARTEMENTS, AGES))
    for month in sorted(by_day.keys() | by_departement.keys() | by_age.keys()):
        totals = by_day[month], by_departement[month], by_age[month]
        if len(set(totals)) > 1:
            yield (
                "the reports of {} are {} by day, {} by département and {} by age: the series do not agree.".format(
                    redact(month), *totals
                )
            )


def _totals(series: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    return Counter({month: sum(map(_whole, counts.values())) for month, counts in series.items()})


def _whole(value: Any) -> int:
    """Return a count; what is no count is quarantined by the contract and counts for nothing here."""
    return value if isinstance(value, int) else 0
