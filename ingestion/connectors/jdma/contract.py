"""Contract of Je donne mon avis: services, their statistics, reviews and their answers."""

import re
from datetime import datetime

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Generation, NotAfterLoad, Table
from ingestion.engine.parsers import code, count, day, free_text, redacted_text, utc_time

#: The intentions of an answer (§1.3) [CERTAIN]; another one is kept as it is.
INTENTIONS = "'very_good', 'good', 'medium', 'bad', 'very_bad' or 'neutral'"

_REVIEW_ID = re.compile(r"[0-9a-f]{1,7}")


def review_id(value: str) -> str:
    """Return the seven hexadecimal digits, in lower case, by which exports and people name a review.

    Raises:
        ValueError: it does not have their shape; a spreadsheet may have rounded it.
    """
    lowered = value.lower()
    if not _REVIEW_ID.fullmatch(lowered):
        raise ValueError("is not the identifier of a review, of up to seven hexadecimal digits")
    return lowered.zfill(7)


def label(value: str) -> str:
    """Return a label of a questionnaire with straight apostrophes: the platform itself mixes both kinds."""
    return redacted_text(value.replace("’", "'"))


def answer(value: str) -> str:
    """Return what was answered, redacted, with straight apostrophes; ticked labels too, since forms can be changed."""
    return free_text(value.replace("’", "'"))


def item(value: str) -> str:
    """Return the number of an item, or its wording.

    Raises:
        ValueError: a spreadsheet rounded the number.
    """
    return code(label(value))


def moment(value: str) -> datetime:
    """Return an instant to the second: exports are not more precise, the API is.

    Raises:
        ValueError: it is not a time of the calendar.
    """
    return utc_time(value).replace(microsecond=0)


SERVICES = Table(
    name="services",
    key="service_form_id",
    key_parts=("product_id", "form_id"),
    description="A form of a service that the keys of the Gendarmerie may read; forms 1 and 2 serve many services.",
    fields=(
        Field("service_form_id", "Service and form, joined.", nullable=False, filled_by_load=True),
        Field("product_id", "Number of the service.", ("id",), code, required=True, nullable=False),
        Field("product_title", "Name of the service.", ("title",), label, nullable=False),
        Field("entity", "Organisation that the service belongs to.", (), redacted_text),
        Field("form_id", "Number of the form; empty where the platform returns services only.", (), code),
        Field("form_title", "Name of the form, or of its template.", (), label),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    generations=(Generation("v1", ("id", "title")), Generation("v2", ("id", "title", "form_id"))),
)

STATISTICS = Table(
    name="statistics",
    key="statistic_id",
    key_parts=(
        "product_id",
        "form_id",
        "interval_start",
        "category",
        "parent_category",
        "parent_answer",
        "intention",
        "label",
    ),
    description="How often an answer was given to a question of a form, in a month of UTC days.",
    fields=(
        Field("statistic_id", "What the count is of, joined.", nullable=False, filled_by_load=True),
        Field("product_id", "Number of the service.", (), code, required=True, nullable=False),
        Field("product_title", "Name of the service.", (), label),
        Field("form_id", "Number of the form; empty in the first version of the API.", (), code),
        Field("form_title", "Name of the form.", (), label),
        Field("interval_start", "First day of the month, 'YYYY-MM-01'.", (), day, required=True, nullable=False),
        Field("interval_length", "Length of the interval: 'month'."),
        Field("category", "Code of the question, such as 'satisfaction'.", required=True, nullable=False),
        Field("question", "Wording of the question.", (), label),
        Field("parent_category", "Code of the question whose answer led to this one."),
        Field("parent_answer", "That answer; after several steps, all of them, separated by ' > '.", (), label),
        Field("intention", f"What the answer means: {INTENTIONS}."),
        Field("label", "The answer.", (), label, nullable=False),
        Field("count", "How often it was given.", (), count, "bigint", required=True, nullable=False),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    not_after_load=NotAfterLoad(("interval_start",)),
    generations=(Generation("v1", ("product_id",)), Generation("v2", ("product_id", "form_id"))),
)

_REVIEW_ID_FIELD = Field(
    "review_id",
    "Last seven hexadecimal digits of the review's number: the only name that exports and the API share.",
    ("Identifiant Avis",),
    review_id,
    required=True,
    nullable=False,
)

_GENERATIONS = (Generation("csv", ("Identifiant Avis",)), Generation("api", ("id", "parent_answer_id")))

REVIEWS = Table(
    name="reviews",
    key="review_id",
    description="A review of a service; `generation` says whether the API ('api') or an export ('csv') gave it.",
    fields=(
        _REVIEW_ID_FIELD,
        Field("id", "Number of the review; absent from exports.", (), code),
        Field(
            "created_at",
            "When it was begun, to the second.",
            ("Date de l'avis",),
            moment,
            "timestamp",
            required=True,
            nullable=False,
        ),
        Field("product_id", "Number of the service; absent from exports.", (), code),
        Field("product_title", "Name of the service as the file name of an export spells it.", (), label),
        Field("form_id", "Number of the form; absent from exports.", (), code),
        Field("form_title", "Name of the form; absent from the API.", ("Nom du formulaire",), label),
        Field("button_id", "Number of the button that led to the form.", (), code),
        Field("button_title", "Name of that button; absent from the API.", ("Lien d'intégration",), label),
        Field("form_template_slug", "Template of the form: 'root' or 'bug'."),
        Field("has_verbatim", "Whether the user wrote something.", (), lambda value: value == "true", "boolean"),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="created_at",
    not_after_load=NotAfterLoad(("created_at",)),
    dropped=(
        Dropped(("Adresse mail",), "mail address"),
        Dropped(("xwiki_id",), "identifier of an older system, which no figure needs"),
    ),
    generations=_GENERATIONS,
)

ANSWERS = Table(
    name="answers",
    key="answer_id",
    key_parts=("review_id", "field_code", "answer_item_id", "parent_field_code", "parent_answer"),
    description="An answer of a review to a question: a ticked item, or a text, redacted.",
    fields=(
        Field("answer_id", "Review, question, item and parent, joined.", nullable=False, filled_by_load=True),
        _REVIEW_ID_FIELD,
        Field(
            "created_at",
            "When the review was begun, to the second.",
            ("Date de l'avis",),
            moment,
            "timestamp",
            required=True,
            nullable=False,
        ),
        Field("field_code", "Code of the question, such as 'satisfaction'.", required=True, nullable=False),
        Field(
            "answer_item_id",
            "Number of the item, which means something together with `field_code` only (17 is two items); 0 for a text."
            " An item of an export that the known questionnaire lacks has its wording instead.",
            (),
            item,
        ),
        Field("parent_field_code", "Code of the question whose answer led to this one."),
        Field("parent_answer", "That answer.", (), label),
        Field("field_label", "Wording of the question.", (), label),
        Field("answer_text", "What was answered, redacted.", (), answer),
        Field("intention", f"What the answer means: {INTENTIONS}; empty where an export lacks it."),
        Field("kind", "'radio', 'checkbox' or 'text'."),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="created_at",
    not_after_load=NotAfterLoad(("created_at",)),
    dropped=(Dropped(("parent_answer_id",), "technical key of the platform; question and answer identify the parent"),),
    generations=_GENERATIONS,
)

CONTRACT = (SERVICES, STATISTICS, REVIEWS, ANSWERS)
