"""Writes the template that gendarmes fill in: `python -m ingestion.connectors.prevention_actions.template`."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from ingestion.connectors.prevention_actions.contract import ACTION_TYPES, AUDIENCES, CHANNELS, THEMES, WITHDRAWALS
from ingestion.connectors.prevention_actions.register import EXAMPLE

CSV_TEMPLATE = Path(__file__).with_name("modele_actions_prevention.csv")
XLSX_TEMPLATE = CSV_TEMPLATE.with_suffix(".xlsx")

#: Lines of the sheet that offer lists and notes.
PREPARED_LINES = 2000

SHEET, NOTES, LISTS = "Actions", "Notice", "Listes"


@dataclass(frozen=True)
class Column:
    """A column of the template.

    Attributes:
        label: Header, in French.
        note: What to write there.
        example: Value of the example line.
        values: The list to choose from; empty when anything may be written.
        number_format: How the sheet shows it, in Excel's notation.
    """

    label: str
    note: str
    example: str
    values: tuple[str, ...] = ()
    number_format: str = "@"


COLUMNS = (
    Column("Identifiant", "Facultatif. Référence propre à l'unité ; ne pas la changer ensuite.", EXAMPLE),
    Column("Titre", "Obligatoire. Quelques mots, sans nom de personne.", "Les faux colis expliqués aux seniors"),
    Column(
        "Description",
        "Facultatif. Ce qui a été fait, sans nom, téléphone ni adresse de personne.",
        "Réunion à la salle des fêtes, avec remise d'un dépliant.",
    ),
    Column("Type d'action", "Obligatoire. À choisir dans la liste.", ACTION_TYPES[0], ACTION_TYPES),
    Column("Thème", "Obligatoire. À choisir dans la liste ; pour un service en ligne, le service.", THEMES[0], THEMES),
    Column("Public visé", "À choisir dans la liste.", AUDIENCES[3], AUDIENCES),
    Column("Canal", "À choisir dans la liste.", CHANNELS[0], CHANNELS),
    Column("Unité", "Obligatoire. Unité qui a agi.", "Brigade de gendarmerie d'Arcachon"),
    Column("Département", "Code du département : 06, 2A, 33, 75, 971. Vide pour tout le pays.", "33"),
    Column("Commune", "Facultatif. Commune où l'action a eu lieu.", "Arcachon"),
    Column("Date de début", "Obligatoire. JJ/MM/AAAA.", "14/03/2025", number_format="DD/MM/YYYY"),
    Column("Date de fin", "JJ/MM/AAAA. Vide si l'action tient en un jour.", "14/03/2025", number_format="DD/MM/YYYY"),
    Column("Personnes touchées", "Nombre entier, même approché.", "45", number_format="0"),
    Column("Heures", "Heures de travail de tous les gendarmes engagés : 3, 2,5 ou 2h30.", "6", number_format="0.0"),
    Column("Coût en euros", "Dépenses hors temps de travail.", "120", number_format="0.00"),
    Column(
        "Indicateurs visés",
        "Codes des indicateurs que l'action doit faire bouger, séparés par « ; » (tableau « Indicateurs »).",
        "positive_share",
    ),
    Column(
        "Retirée",
        "Oui : l'action n'a pas eu lieu, ou a été déclarée par erreur ; elle ne compte plus. Vide sinon.",
        WITHDRAWALS[0],
        WITHDRAWALS,
    ),
)


def csv_template() -> bytes:
    """Return the template as CSV: UTF-8 with byte-order mark and semicolons, which a French Excel opens as columns."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(column.label for column in COLUMNS)
    writer.writerow(column.example for column in COLUMNS)
    return buffer.getvalue().encode("utf-8-sig")


def xlsx_template() -> Workbook:
    """Return the template as a workbook: the register, its notice, and the lists that its cells offer."""
    workbook = Workbook()
    register, notice, lists = workbook.active, workbook.create_sheet(NOTES), workbook.create_sheet(LISTS)
    assert isinstance(register, Worksheet)
    register.title = SHEET
    register.freeze_panes = "A2"
    for rank, column in enumerate(COLUMNS, 1):
        _write_column(register, rank, column)
        if column.values:
            _offer(register, lists, rank, column)
    _write_notice(notice)
    lists.sheet_state = "hidden"
    return workbook


def _write_column(register: Worksheet, rank: int, column: Column) -> None:
    letter = get_column_letter(rank)
    header = register.cell(1, rank, column.label)
    header.font, header.alignment = Font(bold=True, color="FFFFFF"), Alignment(wrap_text=True, vertical="center")
    header.fill = PatternFill("solid", fgColor="1F3864")
    register.cell(2, rank, column.example).font = Font(italic=True, color="808080")
    register.cell(2, rank).number_format = column.number_format
    register.column_dimensions[letter].number_format = column.number_format
    register.column_dimensions[letter].width = max(16, len(column.label) + 4)
    if not column.values:
        prompt = DataValidation(showInputMessage=True, promptTitle=column.label, prompt=column.note)
        prompt.add(f"{letter}2:{letter}{PREPARED_LINES}")
        register.add_data_validation(prompt)


def _offer(register: Worksheet, lists: Worksheet, rank: int, column: Column) -> None:
    """Make the cells of a column offer its list and refuse anything else."""
    place = lists.max_column + 1 if lists.cell(1, 1).value else 1
    _write_list(lists, place, (column.label, *column.values))
    letter, source = get_column_letter(rank), get_column_letter(place)
    choice = DataValidation(
        type="list",
        formula1=f"{LISTS}!${source}$2:${source}${len(column.values) + 1}",
        allow_blank=True,
        showInputMessage=True,
        promptTitle=column.label,
        prompt=column.note,
        showErrorMessage=True,
        errorTitle="Valeur hors liste",
        error=f"{column.label} : choisir une valeur de la liste.",
    )
    choice.add(f"{letter}2:{letter}{PREPARED_LINES}")
    register.add_data_validation(choice)


def _write_list(sheet: Worksheet, place: int, values: Sequence[str]) -> None:
    for line, value in enumerate(values, 1):
        sheet.cell(line, place, value)


def _write_notice(notice: Worksheet) -> None:
    intro = (
        "Registre des actions de prévention : une ligne par action, dans la feuille « Actions ».",
        f"La ligne dont l'identifiant est {EXAMPLE} n'est pas chargée. Ne pas changer l'en-tête.",
        "Ne nommer personne : ni victime, ni participant, ni gendarme.",
    )
    for line, sentence in enumerate(intro, 1):
        notice.cell(line, 1, sentence)
    for line, column in enumerate(COLUMNS, len(intro) + 2):
        notice.cell(line, 1, column.label).font = Font(bold=True)
        notice.cell(line, 2, column.note)
    notice.column_dimensions["A"].width, notice.column_dimensions["B"].width = 24, 90


def main() -> None:
    """Write both files beside this module."""
    CSV_TEMPLATE.write_bytes(csv_template())
    xlsx_template().save(XLSX_TEMPLATE)


if __name__ == "__main__":
    main()
