"""PERCEV@L's file: four series, each to its table, that agree or are said not to; never a card number."""

import json
import logging
from decimal import Decimal

import pytest

from core.errors import ExpectedFailure
from ingestion.engine.loading import load
from tests.ingestion.drops import UNTIL, ask, counts, delivered, loaded, rejections, written

PERCEVAL = "perceval"

#: The sample of the contract, made to add up: 5 + 7 reports in January 2022.
SAMPLE = {
    "age_categories_month": {"2022-01": {"00": 0, "15-24": 5, "75+": 7}},
    "amount_of_money_day": {"2022-01-01": 5.0, "2022-01-02": 8123.450000000001},
    "dpt_report_month": {"2022-01": {"01": 5, "2A": 7}},
    "nb_report_day": {"2022-01-01": 5, "2022-01-02": 7},
}


def load_document(folder, document):
    return loaded(PERCEVAL, folder, "perceval.json", json.dumps(document))


@pytest.mark.usefixtures("home")
def test_each_series_goes_to_its_table(exports):
    report = load_document(exports, SAMPLE)
    assert counts(report) == (9, 9, 0, 0, 0)
    assert ask(PERCEVAL, "select day, count from daily_reports order by 1") == [("2022-01-01", 5), ("2022-01-02", 7)]
    assert ask(PERCEVAL, "select day, amount from daily_amounts order by 1") == [
        ("2022-01-01", Decimal("5.000000")),
        ("2022-01-02", Decimal("8123.450000")),
    ]
    assert ask(PERCEVAL, "select series_key, month, dpt_code, count from monthly_departements order by 1") == [
        ("2022-01|01", "2022-01", "01", 5),
        ("2022-01|2A", "2022-01", "2A", 7),
    ]
    assert ask(PERCEVAL, "select age_cat, count from monthly_ages order by 1") == [("00", 0), ("15-24", 5), ("75+", 7)]


@pytest.mark.usefixtures("home")
def test_a_file_that_grows_writes_what_is_new(exports):
    load_document(exports, SAMPLE)
    grown = {**SAMPLE, "nb_report_day": {"2022-01-01": 5, "2022-01-02": 8, "2022-01-03": 1}}
    assert counts(load_document(exports, grown)) == (10, 1, 1, 8, 0)
    assert counts(load_document(exports, grown)) == (10, 0, 0, 10, 0)


@pytest.mark.usefixtures("home")
def test_a_day_with_reports_and_no_amount_stays(exports):
    load_document(exports, {**SAMPLE, "amount_of_money_day": {"2022-01-01": 5.0}})
    assert ask(PERCEVAL, "select sum(count), (select count(*) from daily_amounts) from daily_reports") == [(12, 1)]


@pytest.mark.usefixtures("home")
def test_bad_values_are_quarantined_and_the_others_load(exports):
    document = {
        "age_categories_month": {"2022-01": {"00": 0, "15-24": 12, "18-20": 3}},
        "amount_of_money_day": {"2022-01-01": -5.0, "2022-01-02": 7.0},
        "dpt_report_month": {"2022-13": {"01": 5}, "2022-01": {"2A": 12, "Ain": 1, "33": None}},
        "nb_report_day": {"2022-02-31": 5, "2022-01-02": 12, "2022-01-03": "beaucoup"},
    }
    assert counts(load_document(exports, document)) == (12, 5, 0, 0, 7)
    reasons = sorted((field, reason) for _, field, reason in rejections(PERCEVAL))
    assert reasons == [
        ("age_cat", "is none of: 00, 15-24, 25-34, 35-44, 45-54, 55-64, 65-74, 75+"),
        ("amount", "is a negative amount"),
        ("count", "is empty, and must not be"),
        ("count", "is not a whole number"),
        ("day", "is not a date of the calendar"),
        ("dpt_code", "is not the code of a département"),
        ("month", "is not a month of the calendar"),
    ]


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("ingestion.connectors.perceval")]


@pytest.mark.usefixtures("home")
def test_series_that_agree_are_loaded_without_a_word(exports, caplog):
    with caplog.at_level(logging.WARNING):
        load_document(exports, SAMPLE)
    assert warnings(caplog) == []


@pytest.mark.usefixtures("home")
def test_series_that_do_not_agree_are_loaded_and_said_so(exports, caplog):
    document = {**SAMPLE, "dpt_report_month": {"2022-01": {"01": 5, "2A": 6}}, "nouvelle_serie": {}}
    with caplog.at_level(logging.WARNING):
        assert counts(load_document(exports, document)) == (9, 9, 0, 0, 0)
    assert warnings(caplog) == [
        "perceval, file perceval.json: the series 'nouvelle_serie' is unknown and was not read.",
        (
            "perceval, file perceval.json: the reports of 2022-01 are 12 by day, 11 by département and 12 by age:"
            " the series do not agree."
        ),
    ]


@pytest.mark.parametrize(
    "leak",
    [
        {"numero_carte": {"2022-01-01": 5}},
        {"cardNumber": 1},
        {"details": [{"Numéro d'opposition": "A1"}]},
        {"details": {"2022-01-01": "4970 1000 0000 0154"}},
        {"details": [4970100000000154]},
        {"details": {"4970100000000154": 1}},
    ],
)
def test_a_card_or_opposition_number_refuses_the_file_and_is_not_repeated(home, exports, leak):
    load_document(exports, SAMPLE)
    with pytest.raises(
        ExpectedFailure, match=r"file perceval\.json: it holds a card number or an opposition"
    ) as failure:
        load_document(exports, {**SAMPLE, **leak})
    assert "0154" not in str(failure.value)
    assert b"4970100000000154" not in written(home.root)
    assert ask(PERCEVAL, "select sum(count) from daily_reports") == [(12,)]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(SAMPLE)[:-9], "not whole JSON"),
        (json.dumps(SAMPLE).replace('"2A": 7', '"01": 7'), "the key '01' stands twice"),
        (json.dumps({**SAMPLE, "dpt_report_month": {"2022-01": 5}}), "not of the expected form"),
        (json.dumps({name: series for name, series in SAMPLE.items() if name != "nb_report_day"}), "nb_report_day"),
        ("[]", "not of the expected form"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_name(exports, content, said):
    with pytest.raises(ExpectedFailure, match=r"perceval, file perceval\.json: ") as failure:
        loaded(PERCEVAL, exports, "perceval.json", content)
    assert said in str(failure.value)


@pytest.mark.usefixtures("home")
def test_the_stand_in_adds_up_and_loads_only_once(exports):
    [file] = delivered(PERCEVAL, exports)
    report = load(PERCEVAL, file=file)
    read, new, *_ = counts(report)
    assert (new, {entity.entity for entity in report.entities}) == (
        read,
        {"daily_reports", "daily_amounts", "monthly_departements", "monthly_ages"},
    )
    totals = [
        ask(PERCEVAL, f"select sum(count) from {table}")[0][0]
        for table in ("daily_reports", "monthly_departements", "monthly_ages")
    ]
    assert len(set(totals)) == 1
    [(days, mean_loss)] = ask(
        PERCEVAL, "select count(*), sum(amount) / sum(count) from daily_amounts join daily_reports using (day)"
    )
    assert 85 <= days <= 90
    assert 440 < mean_loss < 500
    assert counts(load(PERCEVAL, file=file)) == (read, 0, 0, read, 0)


def test_the_month_that_is_not_over_is_not_delivered(exports):
    [file] = delivered(PERCEVAL, exports, UNTIL.replace(day=30))
    assert file.name == "perceval_2025-01_2025-02.json"
    assert delivered(PERCEVAL, exports, UNTIL.replace(month=1, day=30)) == []
