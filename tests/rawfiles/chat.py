"""Chat of the Brigade numérique: exports of easiware, `;`, mostly without header, a line per conversation and motive.

9a1f-000017;14/03/2024 21:07;chat;Je suis victime;Hameçonnage;néant
"""

from datetime import date, datetime, timedelta

from tests.geography import UNKNOWN, holidays
from tests.rawfiles.deliveries import FUTURE, YEARS, Desk, Table, some_time

PLATFORM = "brigade_numerique"
HEADER = "reference;date;canal;motif_parent;motif;element_de_qualification\n"
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
UNSPECIFIED = "Non précisé"

#: What the installation of the Gendarmerie knows, and the category of each (§5.3).
KNOWN = {
    ("Je m'informe", "Pré-plainte en ligne"): "demande_info",
    ("Je m'informe", "Sécurité routière"): "demande_info",
    ("Je m'informe", "Horaires et coordonnées d'une brigade"): "demande_info",
    ("Je m'informe", ""): "demande_info",
    ("Je suis victime", "Hameçonnage"): "victime",
    ("Je suis victime", "Usurpation d'identité"): "victime",
    ("Je suis victime", "Vol ou dégradation"): "victime",
    ("Je suis victime", ""): "victime",
    ("Je signale", "Contenu illicite"): "signalement",
    ("Je signale", "Disparition inquiétante"): "signalement",
    ("", ""): "demande_info",
    ("PNAV", "PNAV"): None,
}

#: Labels of the mapping `label;category` that an installation brings (see `reference.py`).
BROUGHT = {
    ("Conseil aux élus", ""): "demande_info",
    ("Témoin", "Rodéo urbain"): "signalement",
    ("Je suis harcelé", ""): "victime",
}

#: Labels that nobody declared: a known parent gives the category, an unknown one leaves it open.
UNDECLARED = {
    ("Je suis victime", "Arnaque aux jetons numériques"): "victime",
    ("Victime", ""): UNSPECIFIED,
    ("Autre demande", "Divers"): UNSPECIFIED,
}

CATEGORIES: dict[tuple[str, str], str | None] = KNOWN | BROUGHT | UNDECLARED
#: Last Sundays of March, 02:00 to 02:59 of which do not exist, and of October, where this hour comes twice.
GAPS = (date(2023, 3, 26), date(2024, 3, 31), date(2025, 3, 30))
REPEATS = (date(2023, 10, 29), date(2024, 10, 27), date(2025, 10, 26))

BAD = (
    "bad-1;31/02/2024 10:00;chat;Je signale;Contenu illicite;néant\n",
    "bad-2;12/03/2024 25:10;chat;Je signale;Contenu illicite;néant\n",
    "bad-3;12/03/2024;chat;Je signale;Contenu illicite;néant\n",
    f"bad-4;{FUTURE:%d/%m/%Y} 10:00;chat;Je signale;Contenu illicite;néant\n",
    ";12/03/2024 10:00;chat;Je signale;Contenu illicite;néant\n",
    "bad-6;12/03/2024 10:00;chat\n",
)

Contact = tuple[str, datetime, str, str]


def deliver(desk: Desk) -> None:
    """Write five exports: three years that overlap by a month, one that repeats a quarter, and damaged lines alone."""
    random = desk.random(PLATFORM)
    motives = sorted(CATEGORIES)
    contacts: list[Contact] = []
    for number in range(desk.size.chats):
        reference, moment = f"{random.randrange(1 << 32):08x}-{number:06}", some_time(random)
        for parent, motive in random.sample(motives, 2 if number % 25 == 0 else 1):
            contacts.append((reference, moment, parent, motive))
    for number, day in enumerate((*GAPS, *REPEATS)):
        moment = datetime.fromisoformat(f"{day} 02:30")
        contacts.append((f"clock-{number}", moment, "Je suis victime", "Hameçonnage"))
    contacts.sort(key=lambda contact: contact[1])

    table = Table()
    for year in YEARS:
        first, last = date(year, 1, 1) - timedelta(days=31), date(year, 12, 31)
        exported = [contact for contact in contacts if first <= contact[1].date() <= last]
        lines = _lines(exported, year)
        if year == 2024:
            lines[0:0] = [HEADER.encode()]
            lines += [line.encode() for line in BAD]
            exported.append(exported[0])  # a line that the export repeats
            lines.append(lines[1])
        file = desk.file(PLATFORM, f".easiware_{year}.csv", b"".join(lines), len(BAD) if year == 2024 else 0)
        file.repaired = sum(map(_damaged_bytes, lines))
        table.take(file, ((contact, {}) for contact in exported))
    again = [contact for contact in contacts if date(2024, 2, 1) <= contact[1].date() < date(2024, 5, 1)]
    file = desk.file(PLATFORM, ".easiware_2024_t1.csv", b"".join(_lines(again, 2025)))
    table.take(file, ((contact, {}) for contact in again))
    for contact in table.rows:
        _count(desk, *contact[1:])


def _lines(contacts: list[Contact], year: int) -> list[bytes]:
    """Return lines as the tool wrote them that year: cp1252, then UTF-8 and cp1252 mixed, then with lost letters."""
    lines = []
    for number, (reference, moment, *motives) in enumerate(contacts):
        parent, motive = _damaged(*motives, number) if year == 2025 else motives
        remark = ("néant", "", "vu avec l'équipe")[number % 3]
        line = f"{reference};{moment:%d/%m/%Y %H:%M};chat;{parent};{motive};{remark}\n"
        is_cp1252 = year == 2023 or (year == 2024 and number % 7 == 0)
        lines.append(line.encode("cp1252" if is_cp1252 else "utf-8"))
    return lines


def _damaged_bytes(line: bytes) -> int:
    """Return how many characters of a line in cp1252 are not UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return sum(byte > 127 for byte in line)
    return 0


def _damaged(parent: str, motive: str, number: int) -> tuple[str, str]:
    """Return known labels with other apostrophes, in capitals, or with lost letters; others as they are."""
    if (parent, motive) not in KNOWN:
        return parent, motive
    spelled = (motive.replace("ç", "\ufffd"), motive.upper(), motive)[number % 3]
    return parent.replace("'", "’"), spelled


def _count(desk: Desk, written: datetime, parent: str, motive: str) -> None:
    category = CATEGORIES[parent, motive]
    if category is None:
        return
    in_gap = written.date() in GAPS and written.hour == 2
    moment = written + timedelta(hours=1) if in_gap else written
    day, hour = moment.date(), f"{moment.hour:02} h"
    parts = {"category": category, "hour": hour, "weekday_hour": f"{DAYS[day.weekday()]} {hour}"}
    desk.figures.add("chat_contacts", day, UNKNOWN, parts=parts)
    is_closed = not 8 <= moment.hour < 19 or day.weekday() >= 5 or day in holidays()
    desk.figures.add("chat_out_of_hours_share", day, UNKNOWN, int(is_closed), 1, parts={"category": category})
