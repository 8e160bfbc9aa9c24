"""The questions and items of the questionnaire template `root` (§1.6) [CERTAIN]."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from core.normalize_text import fold


@dataclass(frozen=True)
class Item:
    """An answer that can be ticked."""

    number: int
    label: str
    intention: str


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        code: Field code.
        label: Wording, which is the header of its column in an export.
        kind: `radio`, `checkbox` or `text`.
        items: What can be ticked.
        parent: Question whose answers lead to this one.
    """

    code: str
    label: str
    kind: str
    items: tuple[Item, ...] = ()
    parent: str | None = None

    @cached_property
    def by_label(self) -> Mapping[str, Item]:
        return {fold(item.label): item for item in self.items}


_QUALITIES = ("very_bad", "bad", "medium", "good", "very_good")

VERBATIM = Question("verbatim", "Souhaitez-vous nous en dire plus ?", "text")

QUESTIONS: tuple[Question, ...] = (
    Question(
        "satisfaction",
        "De façon générale, comment ça s'est passé ?",
        "radio",
        (Item(1, "Pas bien", "bad"), Item(2, "Moyen", "medium"), Item(3, "Très bien", "good")),
    ),
    Question(
        "comprehension",
        "Qu'avez-vous pensé des informations et des instructions fournies ?",
        "radio",
        tuple(Item(3 + mark, str(mark), _QUALITIES[mark - 1]) for mark in range(1, 6)),
    ),
    Question(
        "contact_tried",
        "Durant votre parcours, avez-vous tenté d'obtenir de l'aide par l'un des moyens suivants ?",
        "checkbox",
        (
            Item(9, "Au guichet avec l'administration", "neutral"),
            Item(10, "Par téléphone avec l'administration", "neutral"),
            Item(11, "Par e-mail avec l'administration", "neutral"),
            Item(12, "Par chat avec l'administration", "neutral"),
            Item(13, "Une personne proche", "neutral"),
            Item(14, "Une association", "neutral"),
            Item(15, "Des sites internet", "neutral"),
            Item(16, "Autres, précisez", "neutral"),
            Item(17, "Je n'ai pas eu besoin d'aide", "good"),
        ),
    ),
    Question(
        "contact_reached",
        "Quand vous avez cherché de l'aide, avez-vous réussi à joindre l'administration ?",
        "radio",
        (Item(17, "Oui", "good"), Item(18, "Non", "bad")),
        "contact_tried",
    ),
    Question(
        "contact_satisfaction",
        "Comment évaluez-vous la qualité de l'aide que vous avez obtenue de la part de l'administration ?",
        "radio",
        tuple(
            Item(18 + mark, wording, _QUALITIES[mark - 1])
            for mark, wording in enumerate(
                ("Très mauvaise", "Mauvaise", "Ni bonne, ni mauvaise", "Bonne", "Excellente"), start=1
            )
        ),
        "contact_tried",
    ),
    VERBATIM,
)

BY_LABEL: Mapping[str, Question] = {fold(question.label): question for question in QUESTIONS}
