"""Contract of Cybermalveillance.gouv.fr: counts of assistance cases."""

from decimal import Decimal

from core.normalize_text import fold
from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, NotAfterLoad, Table
from ingestion.engine.parsers import choice, count, day, decimal_number, departement_code, term

#: Forms of malveillance, and how else they are written. The platform knows about fifty [certain]; these are the ones
#: that its yearly reports name [inferred].
CATEGORIES: dict[str, tuple[str, ...]] = {
    "hameçonnage": ("phishing",),
    "piratage de compte": ("piratage de compte en ligne",),
    "faux support technique": ("arnaque au faux support technique",),
    "violation de données personnelles": ("violation de données", "fuite de données personnelles"),
    "rançongiciel": ("rançongiciels", "ransomware"),
    "virus": ("virus informatique",),
    "cyberharcèlement": ("cyber-harcèlement",),
    "fraude à la carte bancaire": ("fraude carte bancaire",),
    "faux conseiller bancaire": ("fraude au faux conseiller bancaire",),
    "fraude au virement": ("faux RIB", "fraude au virement / faux RIB"),
    "chantage à la webcam": ("sextorsion", "chantage à la webcam / sextorsion"),
    "escroquerie à l'achat en ligne": ("escroquerie à l'annonce", "escroquerie à l'annonce / achat en ligne"),
    "usurpation d'identité": (),
    "spam": ("spam (SMS/e-mail/téléphone)", "pourriel"),
    "défiguration de site": ("défiguration de site internet",),
    "déni de service": ("attaque en déni de service", "DDoS"),
    "arnaque au colis ou à l'infraction": ("arnaque au colis", "arnaque au colis / infraction (SMS)"),
}

_BY_SPELLING = {fold(spelling): name for name, others in CATEGORIES.items() for spelling in (name, *others)}

HUNDRED = 100


def category(value: str) -> str:
    """Return a form of malveillance in its canonical spelling; an unknown one as it is given."""
    return _BY_SPELLING.get(fold(value)) or term(value)


def percentage(value: str) -> Decimal:
    """Return a percentage from 0 to 100; a percent sign may follow.

    Raises:
        ValueError: it is not such a number.
    """
    share = decimal_number(value.removesuffix("%"))
    if not 0 <= share <= HUNDRED:
        raise ValueError("is not a percentage from 0 to 100")
    return share


CASES = Table(
    name="cases",
    key="case_key",
    key_parts=("date", "public", "categorie_menace", "code_departement", "orientation"),
    description="Assistance cases of one day, public, threat, département and outcome, counted [inferred].",
    fields=(
        Field("case_key", "The five columns that a count is for, joined.", nullable=False, filled_by_load=True),
        Field("date", "Day of the diagnosis, 'YYYY-MM-DD'.", ("jour",), day, required=True, nullable=False),
        Field(
            "public",
            "Who was assisted.",
            ("type_public",),
            choice(
                {
                    "particulier": ("particuliers",),
                    "entreprise_association": ("entreprises et associations", "entreprise", "association"),
                    "collectivite_administration": (
                        "collectivités et administrations",
                        "collectivité",
                        "administration",
                    ),
                }
            ),
            required=True,
            nullable=False,
        ),
        Field(
            "categorie_menace",
            "Form of malveillance, in one spelling; an unknown one as given.",
            ("catégorie de menace", "menace"),
            category,
            required=True,
            nullable=False,
        ),
        Field("code_departement", "Code of the département; empty when unknown.", ("departement",), departement_code),
        Field("nb_parcours", "Diagnoses completed.", (), count, "bigint", required=True, nullable=False),
        Field(
            "nb_mise_en_relation_prestataire",
            "Cases handed to a listed provider.",
            (),
            count,
            "bigint",
        ),
        Field("nb_tchat_fsi", "Cases handed to the chat of the police or gendarmerie.", (), count, "bigint"),
        Field("nb_orientation_plainte", "Cases advised to file a complaint.", (), count, "bigint"),
        Field(
            "orientation",
            "Where the diagnosis led.",
            (),
            choice(dict.fromkeys(("pharos", "perceval", "thesee", "plainte", "prestataire", "conseil"), ())),
        ),
        Field(
            "satisfaction_pct",
            "Satisfaction with the assistance, 0 to 100; empty when nobody was asked.",
            (),
            percentage,
            "decimal",
        ),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="date",
    not_after_load=NotAfterLoad(("date",), "code_departement"),
    dropped=(Dropped(("commentaire", "description"), "free text of a victim, which an aggregate must not hold"),),
)

CONTRACT = (CASES,)
