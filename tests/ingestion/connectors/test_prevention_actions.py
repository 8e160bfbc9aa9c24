"""The register that gendarmes fill in: the template, its two formats, and refusals that they can read."""

from datetime import date
from decimal import Decimal

import pytest
from openpyxl import Workbook, load_workbook

from core.errors import ExpectedFailure
from ingestion.connectors.prevention_actions import contract, template
from ingestion.connectors.prevention_actions.contract import ACTIONS
from ingestion.engine import quarantine
from ingestion.engine.loading import load
from tests.ingestion.drops import UNTIL, ask, counts, delivered, loaded, rejections, written

REGISTER = "prevention_actions"
LABELS = [column.label for column in template.COLUMNS]
VALUES = {
    "Identifiant": "AC-1",
    "Titre": "Les faux colis",
    "Description": "Réunion, avec M. Perrin (06 39 98 12 34).",
    "Type d'action": "conference ou reunion publique",
    "Thème": "Hameçonnage",
    "Public visé": "Seniors",
    "Canal": "En présence",
    "Unité": "Brigade d'Arcachon",
    "Département": "33 - Gironde",
    "Commune": "Arcachon",
    "Date de début": "14/03/2025",
    "Date de fin": "15/03/2025",
    "Personnes touchées": "45",
    "Heures": "2h30",
    "Coût en euros": "1 250,50 €",
    "Indicateurs visés": "positive_share, ANSWER_RATE",
    "Retirée": None,
}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "clef-du-test")


def csv_of(*lines):
    """Return a register as a French Excel saves it."""
    rows = [LABELS, *([str({**VALUES, **line}[label] or "") for label in LABELS] for line in lines)]
    return "\n".join(";".join(row) for row in rows).encode("cp1252") + b"\n"


def xlsx_of(folder, *lines):
    workbook = Workbook()
    workbook.active.append(LABELS)
    for line in lines:
        workbook.active.append([{**VALUES, **line}[label] for label in LABELS])
    workbook.save(folder / "registre.xlsx")
    return folder / "registre.xlsx"


# ---- the template


def test_the_shipped_templates_are_what_the_script_writes():
    assert template.CSV_TEMPLATE.read_bytes() == template.csv_template()
    shipped, made = load_workbook(template.XLSX_TEMPLATE), template.xlsx_template()
    assert shipped.sheetnames == made.sheetnames
    for sheet in made:
        assert list(shipped[sheet.title].values) == list(sheet.values)
    rules = [
        [
            (str(rule.sqref), rule.type, rule.formula1, rule.prompt, rule.error)
            for rule in book["Actions"].data_validations.dataValidation
        ]
        for book in (shipped, made)
    ]
    assert rules[0] == rules[1]


def test_both_templates_say_the_same():
    rows = list(load_workbook(template.XLSX_TEMPLATE)["Actions"].values)
    lines = template.csv_template().decode("utf-8-sig").splitlines()
    assert [";".join(row) for row in rows] == lines


def test_every_column_of_the_template_is_one_of_the_contract_and_every_list_is_accepted():
    header = ACTIONS.understand(LABELS, REGISTER)
    assert (header.unknown, dict(header.dropped)) == ((), {})
    assert {field.name for field in header.columns.values()} == {
        field.name for field in ACTIONS.fields if not field.filled_by_load
    }
    for column in template.COLUMNS:
        parse = header.columns[column.label].parse
        assert [parse(value) for value in column.values] == list(column.values)
        parse(column.example)


def test_the_lists_are_offered_by_the_cells():
    workbook = load_workbook(template.XLSX_TEMPLATE)
    offered = {}
    for rule in workbook["Actions"].data_validations.dataValidation:
        if rule.type == "list":
            sheet, cells = rule.formula1.split("!")
            label = workbook["Actions"][str(rule.sqref).split(":")[0][0] + "1"].value
            offered[label] = tuple(cell.value for (cell,) in workbook[sheet][cells.replace("$", "")])
    assert offered == {
        "Type d'action": contract.ACTION_TYPES,
        "Thème": contract.THEMES,
        "Public visé": contract.AUDIENCES,
        "Canal": contract.CHANNELS,
        "Retirée": contract.WITHDRAWALS,
    }


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("file", [template.CSV_TEMPLATE, template.XLSX_TEMPLATE])
def test_the_example_line_is_no_action(file):
    assert counts(load(REGISTER, file=file)) == (0, 0, 0, 0, 0)


# ---- a register


def test_an_action_is_loaded_redacted(home, exports):
    assert counts(loaded(REGISTER, exports, "a.csv", csv_of({}))) == (1, 1, 0, 0, 0)
    columns = "identifiant, type_action, departement, date_debut, date_fin, personnes_touchees, heures, cout_euros"
    assert ask(REGISTER, f"select {columns}, indicateurs_vises from actions") == [
        (
            "AC-1",
            "Conférence ou réunion publique",
            "33",
            "2025-03-14",
            "2025-03-15",
            45,
            Decimal("2.500000"),
            Decimal("1250.500000"),
            "positive_share;answer_rate",
        )
    ]
    assert "[TÉLÉPHONE]" in ask(REGISTER, "select description from actions")[0][0]
    assert b"39 98 12 34" not in written(home.root)


@pytest.mark.usefixtures("home")
def test_a_workbook_says_the_same_as_a_csv_file(exports):
    typed = {
        "Département": 33,
        "Date de début": date(2025, 3, 14),
        "Date de fin": date(2025, 3, 15),
        "Personnes touchées": 45,
        "Heures": 2.5,
        "Coût en euros": 1250.5,
    }
    loaded(REGISTER, exports, "a.csv", csv_of({}))
    assert counts(load(REGISTER, file=xlsx_of(exports, typed))) == (1, 0, 0, 1, 0)


@pytest.mark.usefixtures("home")
def test_a_line_without_identifier_is_known_by_unit_day_and_title(exports):
    bare = {"Identifiant": None}
    assert counts(loaded(REGISTER, exports, "a.csv", csv_of(bare))) == (1, 1, 0, 0, 0)
    corrected = {**bare, "Coût en euros": 99, "Titre": "LES FAUX COLIS", "Date de début": date(2025, 3, 14)}
    assert counts(load(REGISTER, file=xlsx_of(exports, corrected))) == (1, 0, 1, 0, 0)
    other = {**bare, "Titre": "Autre chose"}
    assert counts(loaded(REGISTER, exports, "b.csv", csv_of(other))) == (1, 1, 0, 0, 0)
    assert ask(REGISTER, "select count(*) from actions where identifiant similar to 'auto-[a-p]{24}'") == [(2,)]


def test_an_identifier_that_looks_like_a_phone_number_is_not_written(home, exports):
    lines = [{"Identifiant": "06 39 98 12 34"}, {"Identifiant": "06 39 98 56 78"}]
    assert counts(loaded(REGISTER, exports, "a.csv", csv_of(*lines))) == (2, 2, 0, 0, 0)
    assert ask(REGISTER, "select count(*) from actions where identifiant like 'auto-%'") == [(2,)]
    assert b"39 98 56 78" not in written(home.root)


NOT_A_DEPARTEMENT = "n'est pas un code de département (exemples : 06, 2A, 33, 75, 971)"
MANDATORY = "est obligatoire et n'est pas renseigné"

#: What a line says wrongly, the field that it breaks, and what the gendarme reads.
REFUSALS = [
    ({"Titre": ""}, "titre", MANDATORY),
    ({"Unité": ""}, "unite", MANDATORY),
    ({"Type d'action": ""}, "type_action", MANDATORY),
    ({"Date de début": ""}, "date_debut", MANDATORY),
    ({"Date de début": "31/02/2025"}, "date_debut", "n'est pas une date du calendrier (attendu : JJ/MM/AAAA)"),
    ({"Date de début": "45730"}, "date_debut", "est un nombre : mettre la cellule au format date (JJ/MM/AAAA)"),
    ({"Date de fin": "13/03/2025"}, "date_fin", "précède la date de début"),
    ({"Département": "Gironde"}, "departement", NOT_A_DEPARTEMENT),
    ({"Département": "96"}, "departement", NOT_A_DEPARTEMENT),
    ({"Personnes touchées": "beaucoup"}, "personnes_touchees", "n'est pas un nombre entier de personnes"),
    ({"Heures": "-3"}, "heures", "n'est pas un nombre d'heures (exemples : 3, 2,5, 2h30)"),
    ({"Coût en euros": "gratuit"}, "cout_euros", "n'est pas un montant en euros (exemples : 0, 1250,50)"),
    (
        {"Indicateurs visés": "la satisfaction !"},
        "indicateurs_vises",
        "n'est pas une suite de codes d'indicateurs (exemple : positive_share; answer_rate)",
    ),
    (
        {"Public visé": "Tout le monde"},
        "public_vise",
        f"n'est pas dans la liste ; valeurs possibles : {', '.join(contract.AUDIENCES)}",
    ),
]


@pytest.mark.usefixtures("home")
def test_lines_are_refused_in_french_with_their_numbers_and_the_others_load(exports):
    lines = [{}, *({"Identifiant": f"FAUX-{rank}", **wrong} for rank, (wrong, _, _) in enumerate(REFUSALS))]
    refused = len(REFUSALS)
    assert counts(loaded(REGISTER, exports, "a.csv", csv_of(*lines))) == (refused + 1, 1, 0, 0, refused)
    expected = [(line, field, reason) for line, (_, field, reason) in enumerate(REFUSALS, 3)]
    assert sorted(rejections(REGISTER)) == expected


@pytest.mark.usefixtures("home")
def test_the_row_of_a_workbook_is_the_one_that_excel_shows(exports):
    load(REGISTER, file=xlsx_of(exports, {}, {"Identifiant": "AC-2"}, {"Identifiant": "AC-3", "Heures": "longtemps"}))
    assert rejections(REGISTER) == [(4, "heures", "n'est pas un nombre d'heures (exemples : 3, 2,5, 2h30)")]


@pytest.mark.usefixtures("home")
def test_a_corrected_line_leaves_the_quarantine_even_without_identifier(exports):
    bare = {"Identifiant": None, "Heures": "longtemps"}
    loaded(REGISTER, exports, "a.csv", csv_of(bare))
    assert len(rejections(REGISTER)) == 1
    loaded(REGISTER, exports, "b.csv", csv_of({**bare, "Heures": "3"}))
    assert rejections(REGISTER) == []


@pytest.mark.usefixtures("home")
def test_two_actions_with_one_identifier_are_told_apart_in_french(exports):
    lines = csv_of({}, {}, {"Titre": "Une autre action"})
    assert counts(loaded(REGISTER, exports, "a.csv", lines)) == (3, 1, 0, 1, 1)
    assert rejections(REGISTER) == [(4, None, "porte l'identifiant de la ligne 2, qui est celui d'une autre action")]


@pytest.mark.usefixtures("home")
def test_a_line_further_down_corrects_one_of_the_same_identifier(exports):
    report = loaded(REGISTER, exports, "a.csv", csv_of({}, {"Heures": "9"}))
    assert counts(report) == (2, 1, 0, 0, 0)
    assert report.total("rows_replaced") == 1


@pytest.mark.usefixtures("home")
def test_an_action_is_withdrawn_and_brought_back_by_its_identifier(exports):
    for given, kept in (("oui", "Oui"), ("", None)):
        loaded(REGISTER, exports, "a.csv", csv_of({"Retirée": given}))
        assert ask(REGISTER, "select identifiant, retrait from actions") == [("AC-1", kept)]


def test_a_damaged_line_is_told_in_french_and_an_empty_one_is_passed_over(exports):
    content = csv_of({}) + b"AC-2;trop;court\n" + b";" * (len(LABELS) - 1) + b"\n"
    assert counts(loaded(REGISTER, exports, "a.csv", content)) == (2, 1, 0, 0, 1)
    reason = "la ligne est abîmée : nombre de colonnes faux, ou guillemet non fermé"
    assert rejections(REGISTER) == [(3, None, reason)]


@pytest.mark.usefixtures("home")
def test_a_register_without_a_mandatory_column_is_refused_in_french(exports):
    content = csv_of({}).replace("Unité".encode("cp1252"), b"Service")
    with pytest.raises(ExpectedFailure, match=r"fichier a\.csv : il manque la colonne « Unité »"):
        loaded(REGISTER, exports, "a.csv", content)


def test_who_acted_is_not_kept(home, exports):
    content = csv_of({}).replace(b"Commune;", b"Intervenants;").replace(b"Arcachon;14", b"Adj. Perrin;14")
    report = loaded(REGISTER, exports, "a.csv", content)
    assert report.entities[0].dropped_columns == {"Intervenants": "name of a person, which no figure needs"}
    assert b"Adj. Perrin" not in written(home.root)


# ---- the stand-in


@pytest.mark.usefixtures("home")
def test_the_stand_in_loads_only_once_as_csv_and_as_workbook(exports):
    files = delivered(REGISTER, exports, UNTIL.replace(year=2025, month=12))
    assert [file.suffix for file in files] == [".csv", ".xlsx"]
    for file in files:
        read, new, *_, quarantined = counts(load(REGISTER, file=file))
        assert new == read - quarantined
        assert counts(load(REGISTER, file=file)) == (read, 0, 0, new, quarantined)
    assert {entry.field for entry in quarantine.entries(REGISTER)} <= {"public_vise"}
    [(actions, places, named)] = ask(
        REGISTER,
        "select count(*), count(distinct departement), count(*) filter (identifiant like 'auto-%') from actions",
    )
    assert 250 < actions < 450
    assert places > 60
    assert named > 20


def test_a_workbook_of_the_stand_in_does_not_depend_on_the_clock(exports):
    until = UNTIL.replace(month=8)
    first = [file.read_bytes() for file in delivered(REGISTER, exports, until)]
    assert [file.read_bytes() for file in delivered(REGISTER, exports, until)] == first
