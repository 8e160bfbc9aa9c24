"""Contract of PERCEV@L: four monthly series of aggregates."""

import re
from decimal import Decimal

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Field, NotAfterLoad, Table
from ingestion.engine.parsers import choice, count, day, decimal_number, departement_code, local_time

#: Classes of age [certain]. `00` is "not given" or "under 15": the producer has to say which [inferred].
AGE_CLASSES = ("00", "15-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+")

age_class = choice(dict.fromkeys(AGE_CLASSES, ()))


def month_of_year(value: str) -> str:
    """Return a month as `YYYY-MM`.

    Raises:
        ValueError: there is no such month.
    """
    if not re.fullmatch(r"\d{4}-(?:0[1-9]|1[0-2])", value):
        raise ValueError("is not a month of the calendar")
    return local_time(f"{value}-01")[:7]


def amount(value: str) -> Decimal:
    """Return an amount in euros that is not negative.

    Raises:
        ValueError: it is not such an amount.
    """
    euros = decimal_number(value)
    if euros < 0:
        raise ValueError("is a negative amount")
    return euros


_DAY = Field("day", "Day of the reports, 'YYYY-MM-DD' [certain].", (), day, required=True, nullable=False)
_MONTH = Field("month", "Month of the reports, 'YYYY-MM' [certain].", (), month_of_year, required=True, nullable=False)
_COUNT = Field("count", "Number of reports [certain].", (), count, "bigint", required=True, nullable=False)


def _key(parts: str) -> Field:
    return Field("series_key", f"{parts}, joined.", nullable=False, filled_by_load=True)


DAILY_REPORTS = Table(
    name="daily_reports",
    key="day",
    description="Reports of card fraud per day, whole country (series nb_report_day).",
    fields=(_DAY, _COUNT, GENERATION, UNKNOWN_COLUMNS),
    dated_by="day",
    not_after_load=NotAfterLoad(("day",)),
)

DAILY_AMOUNTS = Table(
    name="daily_amounts",
    key="day",
    description="Money that the reports of a day dispute, whole country (series amount_of_money_day).",
    fields=(
        _DAY,
        Field("amount", "Euros [certain].", (), amount, "decimal", required=True, nullable=False),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="day",
    not_after_load=NotAfterLoad(("day",)),
)

MONTHLY_DEPARTEMENTS = Table(
    name="monthly_departements",
    key="series_key",
    key_parts=("month", "dpt_code"),
    description="Reports per month and département (series dpt_report_month).",
    fields=(
        _key("Month and département"),
        _MONTH,
        Field(
            "dpt_code",
            "Code of the département as text: '01', '2A', '971' [certain].",
            (),
            departement_code,
            required=True,
            nullable=False,
        ),
        _COUNT,
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="month",
    not_after_load=NotAfterLoad(("month",)),
)

MONTHLY_AGES = Table(
    name="monthly_ages",
    key="series_key",
    key_parts=("month", "age_cat"),
    description="Reports per month and class of age (series age_categories_month).",
    fields=(
        _key("Month and class of age"),
        _MONTH,
        Field(
            "age_cat",
            "Class of age: '15-24'… '75+'; '00' is not given or under 15, which the producer has to say.",
            (),
            age_class,
            required=True,
            nullable=False,
        ),
        _COUNT,
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="month",
    not_after_load=NotAfterLoad(("month",)),
)

CONTRACT = (DAILY_REPORTS, DAILY_AMOUNTS, MONTHLY_DEPARTEMENTS, MONTHLY_AGES)
