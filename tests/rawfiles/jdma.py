"""Je donne mon avis: the export of a service, CSV in UTF-8, one column per question, its wording as header.

Date de l'avis,Nom du formulaire,Lien d'intégration,Identifiant Avis,"De façon générale, comment ça s'est passé ?",…
2024-03-14 20:07:44,Évaluation de la satisfaction usager,Bouton principal,00a1f3c,Très bien,…
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from tests.geography import UNKNOWN
from tests.rawfiles.deliveries import FUTURE, YEARS, Desk, File, Row, Table, csv_text, some_time

PLATFORM = "jdma"
PARIS = ZoneInfo("Europe/Paris")

#: Service as it is known, and as the name of the file spells it.
SERVICES = {"THESEE": "THESEE", "Pré-plainte en ligne": "Pré-plainte_en_ligne"}
QUESTIONS = (
    "De façon générale, comment ça s’est passé ?",
    "Qu'avez-vous pensé des informations et des instructions fournies ?",
    "Durant votre parcours, avez-vous tenté d’obtenir de l’aide par l’un des moyens suivants ?",
    "Quand vous avez cherché de l'aide, avez-vous réussi à joindre l'administration ?",
    "Comment évaluez-vous la qualité de l'aide que vous avez obtenue de la part de l'administration ?",
    "Souhaitez-vous nous en dire plus ?",
)
HEADER = (
    "Date de l'avis", "Nom du formulaire", "Lien d'intégration", "Identifiant Avis", *QUESTIONS, "Adresse mail"
)  # fmt: skip
SATISFACTION = {"Pas bien": 0, "Moyen": 5, "Très bien": 10}
CLARITY = {str(mark): Fraction(5 * (mark - 1), 2) for mark in range(1, 6)}
QUALITY = {
    "Très mauvaise": Fraction(0),
    "Mauvaise": Fraction(5, 2),
    "Ni bonne, ni mauvaise": Fraction(5),
    "Bonne": Fraction(15, 2),
    "Excellente": Fraction(10),
}
NO_HELP = "Je n'ai pas eu besoin d'aide"
ASKED = ("Au guichet avec l’administration", "Par téléphone avec l’administration", "Par chat avec l’administration")
ELSEWHERE = ("Une personne proche", "Des sites internet")


def deliver(desk: Desk) -> None:
    """Write an export per service and year, the next of which holds the last quarter again, with later answers."""
    random = desk.random(PLATFORM)
    reviews, answers = Table(), Table()
    number = 0
    for service, spelled in SERVICES.items():
        earlier: list[Row] = []
        for year in YEARS:
            written = []
            for _ in range(desk.size.reviews // 6):
                number += 7
                # Exports are in UTC: the last evening of a month is in the next one in Paris.
                written.append(
                    _review(random, f"{number:07x}", some_time(random, date(year, 1, 2), date(year, 12, 30)), service)
                )
            written.append(_review(random, f"{number + 1:07x}", datetime.fromisoformat(f"{year}-03-31 22:30"), service))
            grown = [_grown(random, row) for row in earlier if row["at"].month > 9]
            rows = sorted([*grown, *written], key=lambda row: row["at"])
            bad = BAD if (service, year) == ("THESEE", 2024) else ()
            text = csv_text([*map(_line, rows), *bad], ",", HEADER)
            name = f"Avis_{spelled}_{year + 1}-01-05_08-00-00.csv"
            _take(desk.file(PLATFORM, name, text.encode(), _records(bad)), rows, reviews, answers)
            earlier = written
    for row in reviews.rows.values():
        _count(desk, row["review"])


#: Each bad row breaks the review and every answer of it.
BAD = (
    ("2024-02-31 10:00:00", "Évaluation", "Bouton", "0bad001", "Moyen", "", "", "", "", "", ""),
    (f"{FUTURE} 10:00:00", "Évaluation", "Bouton", "0bad002", "Moyen", "", "", "", "", "", ""),
    ("2024-03-12 10:00:00", "Évaluation", "Bouton", "2.9E+06", "Moyen", "", "", "", "", "", ""),
)


def _records(bad: tuple[tuple[str, ...], ...]) -> int:
    """Return how many records bad rows are: a review, and an answer for each question answered."""
    return sum(1 + sum(bool(answer) for answer in row[4:10]) for row in bad)


def _review(random: Random, name: str, at: datetime, service: str) -> Row:
    """Return a review: its first answer is mandatory, the others are given or not."""
    tried: tuple[str, ...] = ()
    match random.randrange(4):
        case 0:
            tried = (NO_HELP,)
        case 1:
            tried = tuple(random.sample(ASKED, random.randrange(1, 3)))
        case 2:
            tried = (random.choice(ASKED), random.choice(ELSEWHERE))
    asked = [way for way in tried if way in ASKED]
    reached = {way: random.choice(("Oui", "Oui", "Non")) for way in asked if random.randrange(5)}
    return {
        "id": name,
        "at": at,
        "service": service,
        "satisfaction": random.choice(list(SATISFACTION)),
        "clarity": random.choice(["", *CLARITY]),
        "tried": tried,
        "reached": reached,
        "quality": {way: random.choice(list(QUALITY)) for way, answer in reached.items() if answer == "Oui"},
        "text": random.choice(("", "", "Simple ; rapide, merci")),
    }


def _grown(random: Random, row: Row) -> Row:
    """Return a review as it is saved later: it can gain answers, and loses none."""
    return row | {"clarity": row["clarity"] or random.choice(list(CLARITY)), "text": row["text"] or "Un mot de plus"}


def _answers(row: Row) -> list[tuple[str, str, str]]:
    """Return the answers of a review: question, what it is about, and answer."""
    return [
        (QUESTIONS[0], "", row["satisfaction"]),
        *([(QUESTIONS[1], "", row["clarity"])] if row["clarity"] else []),
        *((QUESTIONS[2], "", way) for way in row["tried"]),
        *((QUESTIONS[3], way, answer) for way, answer in row["reached"].items()),
        *((QUESTIONS[4], way, answer) for way, answer in row["quality"].items()),
        *([(QUESTIONS[5], "", row["text"])] if row["text"] else []),
    ]


def _line(row: Row) -> list[str]:
    cells: dict[str, list[str]] = {question: [] for question in QUESTIONS}
    for question, way, answer in _answers(row):
        cells[question].append(f"{way} : {answer}" if way else answer)
    said = [" / ".join(cells[question]) for question in QUESTIONS]
    return [f"{row['at']:%Y-%m-%d %H:%M:%S}", "Évaluation", "Bouton principal", row["id"], *said, ""]


def _take(file: File, rows: list[Row], reviews: Table, answers: Table) -> None:
    """Take reviews, of which an export says whether there is a text, and their answers, which are records too."""
    reviews.take(file, ((row["id"], {"has_text": bool(row["text"])}) for row in rows))
    answers.take(file, _keyed(rows))
    for row in rows:
        reviews.rows[row["id"]]["review"] = row


def _keyed(rows: list[Row]) -> Iterator[tuple[tuple[str, ...], Row]]:
    for row in rows:
        for question, way, answer in _answers(row):
            is_text = question == QUESTIONS[5]
            yield (row["id"], question, way, "" if is_text else answer), {"answer": answer}


def _count(desk: Desk, row: Row) -> None:
    day = row["at"].replace(tzinfo=UTC).astimezone(PARIS).date()
    service = {"service": row["service"]}

    def add(kpi: str, mark: int | Fraction) -> None:
        desk.figures.add(kpi, day, UNKNOWN, mark, 1, parts=service)

    add("satisfaction_score", SATISFACTION[row["satisfaction"]])
    if row["clarity"]:
        add("clarity_score", CLARITY[row["clarity"]])
    for answer in row["reached"].values():
        add("reachability_share", int(answer == "Oui"))
    for answer in row["quality"].values():
        add("help_quality_score", QUALITY[answer])
    if row["tried"]:
        add("autonomy_score", 10 * int(row["tried"] == (NO_HELP,)))
    desk.figures.add("feedback_index", day, UNKNOWN, SATISFACTION[row["satisfaction"]], 1, parts={"platform": PLATFORM})
