"""Contract of the news and advice of Ma Sécurité."""

import re
from datetime import datetime

from core.normalize_text import fold
from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Generation, NotAfterLoad, Row, Table
from ingestion.engine.parsers import code, free_text, paris_time, redacted_text, utc_time

#: The national themes [certain as labels]; a brigade may use others.
THEMES = (
    "Sécurité routière",
    "Aide aux victimes",
    "Numérique",
    "Entreprises et commerces",
    "Famille",
    "Jeunesse",
    "Vie pratique",
    "Recrutement",
)
_THEMES = {fold(theme): theme for theme in THEMES}

_OFFSET = re.compile(r".*(?:Z|[+-]\d{2}:?\d{2})", re.DOTALL)
_IN_PARENTHESES = re.compile(r"\((\d{2}|2[AB]|97\d|98\d)\)", re.IGNORECASE)
_POSTAL_CODE = re.compile(r"\b(\d{5})\b")
_BARE = re.compile(r"\d{2}|2[AB]|97\d|98\d", re.IGNORECASE)
_CORSICA = {"200": "2A", "201": "2A", "202": "2B", "206": "2B"}


def moment(value: str) -> datetime:
    """Return an instant; a time without an offset is of Europe/Paris [inferred].

    Raises:
        ValueError: there is no such time, or it lies outside 2000 to 2050.
    """
    return utc_time(value) if "T" in value and _OFFSET.fullmatch(value) else paris_time(value)


def theme(value: str) -> str:
    """Return a national theme in its own spelling, and any other as given, without structured identifiers."""
    return _THEMES.get(fold(value)) or redacted_text(value)


def departement_in(locality: str) -> str | None:
    """Return the INSEE code of the département from a code in a locality; a name alone gives none.

    `Gironde (33)` and `33` give it, and so does a postal code such as in `20200 Bastia`.
    """
    written = _IN_PARENTHESES.search(locality) or _BARE.fullmatch(locality)
    if written:
        return written[written.re.groups].upper()
    postal = _POSTAL_CODE.search(locality)
    if postal is None or postal[1].startswith("00"):
        return None
    digits = postal[1]
    if digits.startswith("20"):
        return _CORSICA.get(digits[:3])
    return digits[:3] if digits[:2] in {"97", "98"} else digits[:2]


def _completed(row: Row) -> Row:
    """Fill what follows from the theme and the locality."""
    row["is_national_theme"] = None if row.get("theme") is None else row["theme"] in THEMES
    row["department_code"] = None if row.get("locality") is None else departement_in(row["locality"])
    return row


NEWS = Table(
    name="news",
    key="id",
    description="A piece of news or advice that the ministry or a brigade published in Ma Sécurité.",
    fields=(
        Field(
            "id", "Identifier [inferred: the public description names none].", (), code, required=True, nullable=False
        ),
        Field("title", "Title, redacted.", ("titre",), free_text, required=True),
        Field("message", "Text, redacted.", ("contenu", "texte"), free_text),
        Field(
            "created_at",
            "When it was created.",
            ("dateCreation", "dateDeCreation", "creationDate", "Date de création"),
            moment,
            "timestamp",
            required=True,
            nullable=False,
        ),
        Field(
            "theme", "National theme in its own spelling, or another as given.", ("thematique",), theme, required=True
        ),
        Field("is_national_theme", "Whether the theme is a national one.", type="boolean", filled_by_load=True),
        Field("locality", "Place it is about, as given; empty for the whole country.", ("localite",), redacted_text),
        Field("department_code", "INSEE code of the département, from a code in the locality.", filled_by_load=True),
        Field("url", "Page with more about it.", ("lien",), redacted_text),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="created_at",
    not_after_load=NotAfterLoad(("created_at",)),
    dropped=(Dropped(("image", "imageUrl"), "a picture may show persons, and no figure needs it"),),
    generations=(Generation("inferred", ("id", "titre", "title")),),
    rule=_completed,
)

CONTRACT = (NEWS,)
