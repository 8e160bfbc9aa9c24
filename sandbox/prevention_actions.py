"""Stand-in of the registers that units send: one per half-year, as CSV or as XLSX, filled in as people do.

About one action a day, more of them while a prevention campaign runs, in its départements. Themes follow what people
live through: a wave of phishing is followed by actions against phishing. A few changes of online services are declared
too; they change nothing.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from random import Random

from sandbox.events import active, draw, french_name, poisson
from sandbox.files import csv_bytes, xlsx_bytes
from sandbox.periods import half_years
from sandbox.places import Departement, departement, homes

ACTIONS_PER_DAY = 0.7
ACTIONS_PER_DAY_OF_CAMPAIGN = 0.35

HEADER = (
    "Identifiant",
    "Titre",
    "Description",
    "Type d'action",
    "Thème",
    "Public visé",
    "Canal",
    "Unité",
    "Département",
    "Commune",
    "Date de début",
    "Date de fin",
    "Personnes touchées",
    "Heures",
    "Coût en euros",
    "Indicateurs visés",
)
_END = HEADER.index("Date de fin")
EXAMPLE = (
    "EXEMPLE",
    "Les faux colis expliqués aux seniors",
    "Réunion à la salle des fêtes, avec remise d'un dépliant.",
    "Conférence ou réunion publique",
    "Hameçonnage",
    "Seniors",
    "En présence",
    "Brigade de gendarmerie d'Arcachon",
    "33",
    "Arcachon",
    "14/03/2025",
    "14/03/2025",
    "45",
    "6",
    "120",
    "positive_share",
)

#: Kind of action, its channel, and how many people it reaches, in the middle and at most.
KINDS = (
    ("Conférence ou réunion publique", "En présence", 60, 250),
    ("Intervention scolaire", "En présence", 75, 200),
    ("Stand ou forum", "En présence", 120, 600),
    ("Rencontre avec des professionnels", "En présence", 25, 80),
    ("Diagnostic ou conseil personnalisé", "En présence", 3, 10),
    ("Campagne en ligne", "Réseaux sociaux", 4000, 60_000),
    ("Article ou reportage", "Presse", 2500, 20_000),
    ("Distribution de supports", "Affiches et tracts", 300, 1500),
)

#: Theme, title of its actions, audience, kind of event that calls for it, and the indicator that it means to move.
THEMES = (
    ("Hameçonnage", "Reconnaître un faux message", "Seniors", "phishing", "positive_share"),
    ("Fraude à la carte bancaire", "Payer en ligne sans risque", "Grand public", "card_fraud", ""),
    ("Faux conseiller bancaire", "Ne donnez jamais votre code", "Seniors", "card_fraud", ""),
    ("Piratage de compte", "Un mot de passe par compte", "Grand public", "data_breach", ""),
    ("Rançongiciel", "Sauvegarder avant l'attaque", "Entreprises", None, ""),
    ("Cyberharcèlement", "Internet sans crainte", "Jeunes", None, ""),
    ("Usages numériques des jeunes", "Permis Internet", "Jeunes", None, ""),
    ("Escroqueries en ligne", "Acheter et vendre en confiance", "Grand public", None, "answer_rate"),
    ("Rumeurs et fausses informations", "Vérifier avant de partager", "Parents", "rumour", ""),
    ("Risques naturels et crises", "Les bons gestes face à la crue", "Collectivités", "flood", ""),
    ("Cambriolages", "Opération tranquillité vacances", "Grand public", None, ""),
    ("Sécurité routière", "Alcool et route", "Jeunes", None, ""),
)

#: Changes of online services: first day, title, service, and the code of the département that tries it, or none.
SERVICE_CHANGES = (
    (date(2025, 9, 15), "Formulaire de pré-plainte raccourci", "Pré-plainte en ligne", None),
    (date(2026, 3, 2), "Rendez-vous proposé à la fin de la pré-plainte, à l'essai", "Pré-plainte en ligne", "35"),
    (date(2026, 9, 7), "Signalement Perceval depuis un mobile", "Perceval", None),
)

#: How much likelier a theme is in the month after an event that calls for it.
CALLED_FOR = 6
MONTH = timedelta(days=30)

Row = tuple[object, ...]


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the registers sent up to a day: the first half of a year as CSV, the second as XLSX."""
    for period in half_years(until):
        begun = (row for day in period.days() for row in (*actions_of(seed, day), *_service_changes(day)))
        rows = [row for row in begun if not _ends_after(row, until)]
        name = f"actions_prevention_{period.name}"
        if period.name.endswith("S1"):
            lines = ([f"{cell:%d/%m/%Y}" if isinstance(cell, date) else cell for cell in row] for row in rows)
            yield f"{name}.csv", csv_bytes((HEADER, EXAMPLE, *lines), ";", "utf-8-sig")
        else:
            yield f"{name}.xlsx", xlsx_bytes({"Actions": (HEADER, EXAMPLE, *rows)})


def _ends_after(row: Row, day: date) -> bool:
    """Tell whether an action goes on: it is written down when it is over."""
    end = row[_END]
    return isinstance(end, date) and end > day


@lru_cache(maxsize=4096)
def actions_of(seed: int, day: date) -> tuple[Row, ...]:
    chance = draw(seed, "prevention_actions", day)
    where = homes(chance, poisson(chance, ACTIONS_PER_DAY))
    for event in active(seed, day):
        if event.kind == "prevention":
            codes = chance.choices(event.departements, k=poisson(chance, ACTIONS_PER_DAY_OF_CAMPAIGN))
            where += [departement(code) for code in codes]
    lived = {event.kind for event in (*active(seed, day), *active(seed, day - MONTH / 2), *active(seed, day - MONTH))}
    return tuple(_action(chance, day, rank, place, lived) for rank, place in enumerate(where, 1))


def _action(chance: Random, day: date, rank: int, place: Departement, lived: set[str]) -> Row:
    weights = [CALLED_FOR if kind in lived else 1 for _, _, _, kind, _ in THEMES]
    theme, title, audience, _, indicator = chance.choices(THEMES, weights)[0]
    kind, channel, middle, most = chance.choice(KINDS)
    reached = min(most, max(1, round(middle * chance.lognormvariate(0, 0.6))))
    days = chance.choices((0, 1, 6), (85, 10, 5))[0]
    if chance.random() < 0.01:  # noqa: PLR2004 (a list of the template, overtyped)
        audience = "Tout le monde"
    numbered = rank > 1 or chance.random() < 0.7  # noqa: PLR2004 (the others leave the identifier to the platform)
    return (
        f"PREV-{place.code}-{day:%y%m%d}-{rank}" if numbered else None,
        f"{title} ({place.town})",
        _description(chance, kind),
        kind,
        theme,
        audience,
        channel,
        f"Brigade de gendarmerie de {place.town}",
        place.code,
        place.town,
        day,
        day + timedelta(days=days) if days or chance.random() < 0.5 else None,  # noqa: PLR2004
        reached,
        chance.choice((2, 3, 4, 6, 8, 12)) * (1 + days // 2),
        chance.choices((0, chance.randrange(20, 900, 10)), (60, 40))[0],
        indicator or None,
    )


def _service_changes(day: date) -> Iterator[Row]:
    for started, title, service, code in SERVICE_CHANGES:
        if started == day:
            yield (
                f"SERV-{day:%y%m%d}",
                title,
                None,
                "Évolution de service en ligne",
                service,
                "Grand public",
                "Site internet",
                "Direction générale de la gendarmerie nationale",
                code,
                None,
                day,
                None,
                None,
                None,
                None,
                None,
            )


def _description(chance: Random, kind: str) -> str:
    """Draw a description, in which people name others although they should not."""
    if chance.random() < 0.06:  # noqa: PLR2004
        first, last = french_name(chance)
        return f"{kind}, à la demande de Mme {first} {last} (06 39 98 {chance.randrange(10, 100)} 12)."
    return chance.choice((f"{kind}, avec remise de dépliants.", "Échanges nombreux, à refaire.", "Bon accueil."))
