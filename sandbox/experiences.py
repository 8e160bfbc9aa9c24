"""The experiences that citizens publish on Services Publics+, day by day.

A day depends on the seed and its date alone, so history never moves: asking tomorrow adds a day and the answers that
have come since, and changes nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random

from sandbox.events import START, draw, poisson, pressure
from sandbox.periods import days
from sandbox.places import Departement, home

MEAN_EXPERIENCES_PER_DAY = 8.5
WEEKEND_SHARE = 0.45

#: Experiences of a day on which the online complaint fails, at each unit of the outage's intensity: what a signal must
#: find. They are published the day after they were lived.
FAILURES_PER_INTENSITY, DELAY_DAYS = 6, 1

FEELINGS = ("Positif", "Neutre", "Négatif")
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")
COUNTRIES = ("Suisse", "Allemagne", "Espagne", "Belgique", "Canada", "Royaume-uni", "Maroc", "Japon")


@dataclass(frozen=True)
class Service:
    """A public service of which people speak.

    Attributes:
        typology: Its kind, as the platform words it.
        structure: Its name; `{town}` stands for the town of the user's département.
        weight: How often it is named, relative to the others.
        feelings: Share of positive, neutral and negative experiences.
        answers: Share of the experiences that get an answer.
        delay_days: Typical time to the first answer.
    """

    typology: str
    structure: str
    weight: float
    feelings: tuple[float, float, float]
    answers: float
    delay_days: float


ONLINE_COMPLAINT = Service("Pré-plainte en ligne (PPEL)", "Pré-plainte en ligne", 5, (0.55, 0.15, 0.30), 0.90, 9)

SERVICES = (
    Service("Brigade de gendarmerie", "Brigade de gendarmerie de {town}", 16, (0.64, 0.12, 0.24), 0.95, 7),
    ONLINE_COMPLAINT,
    Service("Unité Numérique", "Brigade numérique", 6, (0.72, 0.12, 0.16), 0.96, 4),
    Service("Service en ligne Perceval", "Perceval", 5, (0.50, 0.18, 0.32), 0.88, 11),
    Service("Région de Gendarmerie", "Région de gendarmerie", 1, (0.55, 0.20, 0.25), 0.90, 12),
    Service("Gendarmerie Nationale", "Ma Gendarmerie", 2, (0.60, 0.18, 0.22), 0.92, 8),
    Service("CAF", "CAF de {town}", 18, (0.42, 0.18, 0.40), 0.78, 15),
    Service("Préfecture", "Préfecture de {town}", 12, (0.35, 0.20, 0.45), 0.70, 21),
    Service("CPAM", "CPAM de {town}", 12, (0.48, 0.18, 0.34), 0.82, 12),
    Service("ANTS", "ANTS", 9, (0.38, 0.20, 0.42), 0.75, 18),
    Service("COMMISSARIAT DE POLICE", "Commissariat de {town}", 8, (0.52, 0.15, 0.33), 0.85, 13),
    Service("Structure France services", "France services de {town}", 6, (0.82, 0.08, 0.10), 0.90, 6),
)


@dataclass(frozen=True)
class Experience:
    """One experience, as it will have happened when all its dates have passed.

    Attributes:
        number: Identifier, the same for ever.
        published_on: Day of publication.
        written_on: Day of writing, when it is known.
        answered_on: Day of the first answer, when there is one; before publication for a few, as on the real platform.
        service: The service it is about.
        also: A second service that it names, sometimes the same again.
        departement: Where the user lives, `None` abroad or when it was not given.
        postal_code: As the user gave it, sometimes without its leading zero.
        country: Country of the user.
        feeling: What the user felt.
        themes: Feeling by theme, of the themes that the user spoke of.
        title: Title.
        description: What the user writes.
        similar: How many others lived the same.
    """

    number: int
    published_on: date
    written_on: date | None
    answered_on: date | None
    service: Service
    also: Service | None
    departement: Departement | None
    postal_code: str | None
    country: str
    feeling: str
    themes: dict[str, str]
    title: str
    description: str
    similar: int

    @property
    def structure(self) -> str:
        town = self.departement.town if self.departement else "Paris"
        return self.service.structure.format(town=town)


_OPENINGS = {
    "Positif": ("Un accueil à la hauteur", "Merci pour votre aide", "Démarche simple et rapide", "Un agent à l'écoute"),
    "Neutre": ("Une démarche correcte", "Peut mieux faire", "Un bilan partagé", "Réponse reçue, avec du retard"),
    "Négatif": ("Sans réponse depuis des semaines", "Formulaire en panne", "Renvoyé d'un guichet à l'autre", "Déçu"),
}
_STORIES = {
    "Positif": (
        "J'ai été reçu sans attendre et l'on m'a expliqué chaque étape.",
        "Ma demande en ligne a été traitée en deux jours, avec un message à chaque étape.",
        "Au téléphone, mon interlocuteur a pris le temps de comprendre ma situation.",
    ),
    "Neutre": (
        "Le résultat est là, mais il a fallu rappeler deux fois.",
        "Les informations du site et celles du guichet ne disent pas la même chose.",
        "L'accueil est aimable ; les horaires, eux, ne conviennent pas à qui travaille.",
    ),
    "Négatif": (
        "Le site s'arrête à la dernière page et tout est à recommencer.",
        "Personne ne répond au numéro indiqué et mon dossier n'avance pas.",
        "On m'a demandé trois fois la même pièce, sans m'expliquer pourquoi.",
    ),
}


#: Invented: what must be redacted before it is written anywhere.
_SLIPS = (
    " On peut me joindre au 06 39 98 10 {digits}.",
    " Je m'appelle Nathalie Garnier et j'attends toujours.",
    " Mon adresse : karim.benali{digits}@exemple.fr.",
    " Merci à l'adjudante Moreau pour sa patience.",
    " Cordialement, Olivier Fontaine",
)


@lru_cache(maxsize=4096)
def experiences_of(seed: int, day: date) -> tuple[Experience, ...]:
    chance = Random(f"{seed}/{day.isoformat()}")  # noqa: S311 (an invented day, not a secret)
    mean = MEAN_EXPERIENCES_PER_DAY * (WEEKEND_SHARE if day.weekday() >= 5 else 1.2)  # noqa: PLR2004 (Saturday)
    ordinary = max(0, round(chance.gauss(mean, mean**0.5)))
    failing = pressure(seed, day, "outage", lag_days=DELAY_DAYS) - 1
    failures = poisson(draw(seed, "experiences/outage", day), FAILURES_PER_INTENSITY * failing)
    first = 5_000_000 + (day - START).days * 100
    return tuple(
        _experience(chance, day, first + rank, ONLINE_COMPLAINT if rank >= ordinary else None)
        for rank in range(ordinary + failures)
    )


def history(seed: int, today: date) -> Iterator[Experience]:
    """Yield all experiences published up to a day, oldest first."""
    for day in days(START, today):
        yield from experiences_of(seed, day)


def _experience(chance: Random, day: date, number: int, failing: Service | None) -> Experience:
    service = failing or chance.choices(SERVICES, [s.weight for s in SERVICES])[0]
    feeling = chance.choices(FEELINGS, (0.03, 0.07, 0.90) if failing else service.feelings)[0]
    departement, postal_code, country = _residence(chance)
    return Experience(
        number=number,
        published_on=day,
        written_on=_writing(chance, day, failing),
        answered_on=_answer(chance, day, service),
        service=service,
        also=chance.choice((service, *SERVICES)) if chance.random() < 0.08 else None,  # noqa: PLR2004
        departement=departement,
        postal_code=postal_code,
        country=country,
        feeling=feeling,
        themes=_themes(chance, feeling),
        title=chance.choice(_OPENINGS[feeling]),
        description=chance.choice(_STORIES[feeling]) + _slip(number),
        similar=chance.choices((0, 1, 2, 5), (75, 15, 7, 3))[0],
    )


def _writing(chance: Random, day: date, failing: Service | None) -> date | None:
    if chance.random() > 0.85:  # noqa: PLR2004 (not given)
        return None
    return day - timedelta(days=DELAY_DAYS if failing else chance.randint(1, 6))


def _slip(number: int) -> str:
    """Return what a citizen should not have written, now and then; the number decides, so that nothing else moves."""
    return _SLIPS[number % len(_SLIPS)].format(digits=f"{number % 100:02}") if number % 9 == 0 else ""


def _residence(chance: Random) -> tuple[Departement | None, str | None, str]:
    share = chance.random()
    if share < 0.06:  # noqa: PLR2004 (abroad)
        return None, chance.choice((None, "1201", "10115", "28013")), chance.choice(COUNTRIES)
    if share < 0.14:  # noqa: PLR2004 (not given)
        return None, None, "France"
    lives_in = home(chance)
    code = chance.choice(lives_in.postal_codes)
    return lives_in, code.removeprefix("0") if chance.random() < 0.25 else code, "France"  # noqa: PLR2004


def _answer(chance: Random, day: date, service: Service) -> date | None:
    if chance.random() > service.answers:
        return None
    if chance.random() < 0.004:  # noqa: PLR2004 (answered before it was published: moderation was slow)
        return day - timedelta(days=chance.randint(1, 3))
    return day + timedelta(days=min(120, round(chance.lognormvariate(0, 0.8) * service.delay_days)))


def _themes(chance: Random, feeling: str) -> dict[str, str]:
    spoken = chance.sample(THEMES, chance.choices((0, 1, 2, 3), (20, 35, 30, 15))[0])
    return {
        theme: feeling if chance.random() < 0.8 else chance.choice(FEELINGS)  # noqa: PLR2004
        for theme in THEMES
        if theme in spoken
    }
