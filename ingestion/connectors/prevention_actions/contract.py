"""Contract of the register of prevention actions; the reasons of a rejection are in French, for gendarmes."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import wraps

from ingestion.engine import parsers
from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, RejectedError, Row, Table, Value

#: Not prevention but a change of what citizens use: declared in the same register, counted apart.
SERVICE_CHANGE = "Évolution de service en ligne"

ACTION_TYPES = (
    "Conférence ou réunion publique",
    "Intervention scolaire",
    "Stand ou forum",
    "Rencontre avec des professionnels",
    "Diagnostic ou conseil personnalisé",
    "Exercice de crise",
    "Campagne en ligne",
    "Article ou reportage",
    "Distribution de supports",
    SERVICE_CHANGE,
    "Autre",
)
THEMES = (
    "Hameçonnage",
    "Fraude à la carte bancaire",
    "Faux conseiller bancaire",
    "Rançongiciel",
    "Piratage de compte",
    "Violation de données personnelles",
    "Cyberharcèlement",
    "Escroqueries en ligne",
    "Rumeurs et fausses informations",
    "Usages numériques des jeunes",
    "Risques naturels et crises",
    "Sécurité routière",
    "Cambriolages",
    "Violences intrafamiliales",
    "Pré-plainte en ligne",
    "Perceval",
    "Services Publics+",
    "Autre",
)
AUDIENCES = (
    "Grand public",
    "Jeunes",
    "Parents",
    "Seniors",
    "Entreprises",
    "Associations",
    "Collectivités",
    "Professionnels de santé",
    "Victimes",
)
#: Whether an action was withdrawn: it did not take place, or was declared by mistake.
WITHDRAWALS = ("Non", "Oui")
CHANNELS = (
    "En présence",
    "Visioconférence",
    "Réseaux sociaux",
    "Site internet",
    "Application Ma Sécurité",
    "Presse",
    "Radio ou télévision",
    "Affiches et tracts",
)

_DEPARTEMENTS = frozenset(
    {f"{number:02d}" for number in range(1, 96) if number != 20}  # noqa: PLR2004 (Corsica is 2A and 2B)
    | {"2A", "2B", "971", "972", "973", "974", "975", "976", "977", "978", "986", "987", "988"}
)


def in_french(parse: Callable[[str], Value], reason: str) -> Callable[[str], Value]:
    """Return a parser that refuses what another one refuses, with a reason in French.

    Args:
        parse: The other parser.
        reason: End of the sentence "la valeur …".
    """

    @wraps(parse)
    def parse_in_french(value: str) -> Value:
        try:
            return parse(value)
        except ValueError:
            raise ValueError(reason) from None

    return parse_in_french


def one_of(values: tuple[str, ...]) -> Callable[[str], Value]:
    """Return a parser that accepts the values of a list of the template, whatever the case and accents."""
    return in_french(
        parsers.choice(dict.fromkeys(values, ())), f"n'est pas dans la liste ; valeurs possibles : {', '.join(values)}"
    )


def departement(value: str) -> str:
    """Return the code of a département; its name may follow the code (`33 - Gironde`).

    Raises:
        ValueError: there is no such département.
    """
    bare = re.match(r"\w+", value.removesuffix(".0"))
    repaired = bare[0].upper().zfill(2) if bare else ""
    if repaired not in _DEPARTEMENTS:
        raise ValueError("n'est pas un code de département (exemples : 06, 2A, 33, 75, 971)")
    return repaired


def day(value: str) -> str:
    """Return a day as `YYYY-MM-DD`.

    Raises:
        ValueError: there is no such day, or it lies outside the calendar of the warehouse.
    """
    if re.fullmatch(r"\d{5}(?:\.\d+)?", value):
        raise ValueError("est un nombre : mettre la cellule au format date (JJ/MM/AAAA)")
    try:
        return parsers.day(value)
    except ValueError:
        raise ValueError("n'est pas une date du calendrier (attendu : JJ/MM/AAAA)") from None


def hours(value: str) -> Decimal:
    """Return hours; `2h30` is 2.5.

    Raises:
        ValueError: it is not a duration, or it is negative.
    """
    clock = re.fullmatch(r"(\d{1,4}) ?h(?:eures?)? ?([0-5]\d)?", value, re.IGNORECASE)
    if clock:
        return round(Decimal(clock[1]) + Decimal(clock[2] or 0) / 60, 6)
    return _not_negative(value, "n'est pas un nombre d'heures (exemples : 3, 2,5, 2h30)")


def euros(value: str) -> Decimal:
    """Return an amount in euros; a sign may follow.

    Raises:
        ValueError: it is not an amount, or it is negative.
    """
    bare = re.sub(r"\s*(?:€|euros?)$", "", value, flags=re.IGNORECASE)
    return _not_negative(bare, "n'est pas un montant en euros (exemples : 0, 1250,50)")


def _not_negative(value: str, reason: str) -> Decimal:
    try:
        number = parsers.decimal_number(value)
    except ValueError:
        raise ValueError(reason) from None
    if number < 0:
        raise ValueError(reason)
    return number


def indicators(value: str) -> str:
    """Return the codes of indicators in lower case, separated by semicolons.

    Raises:
        ValueError: one of them is not a code.
    """
    codes = [code for code in re.split(r"[\s;,]+", value.lower()) if code]
    if not codes or not all(re.fullmatch(r"[a-z][a-z0-9_]*", code) and parsers.term(code) == code for code in codes):
        raise ValueError("n'est pas une suite de codes d'indicateurs (exemple : positive_share; answer_rate)")
    return ";".join(codes)


#: What a line must say, with the words of the template.
MANDATORY: Mapping[str, str] = {
    "titre": "Titre",
    "type_action": "Type d'action",
    "theme": "Thème",
    "unite": "Unité",
    "date_debut": "Date de début",
}

MISSING = "est obligatoire et n'est pas renseigné"


def _whole_line(row: Row) -> Row:
    """Refuse a line that lacks a mandatory value, or that ends before it begins.

    Raises:
        RejectedError: with its reason in French.
    """
    for name in MANDATORY:
        if row.get(name) is None:
            raise RejectedError(name, MISSING)
    end = row.get("date_fin")
    if end is not None and end < row["date_debut"]:
        raise RejectedError("date_fin", "précède la date de début", end)
    return row


ACTIONS = Table(
    name="actions",
    key="identifiant",
    description="A prevention action of a unit: who, what, where, when, for whom, and at what cost.",
    fields=(
        Field(
            "identifiant",
            "Identifier that the unit gives; made of unit, date and title where it gives none ('auto-…').",
            ("Identifiant de l'action", "id"),
            parsers.identifier,
            nullable=False,
        ),
        Field("titre", "Title, redacted.", ("Titre de l'action", "Intitulé"), parsers.free_text),
        Field("description", "What was done, redacted.", (), parsers.free_text),
        Field(
            "type_action", "Kind of action, of the template's list.", ("Type d'action", "Type"), one_of(ACTION_TYPES)
        ),
        Field("theme", "Theme, of the template's list.", ("Thème",), one_of(THEMES)),
        Field("public_vise", "Audience, of the template's list.", ("Public visé", "Public"), one_of(AUDIENCES)),
        Field("canal", "Channel, of the template's list.", ("Canal",), one_of(CHANNELS)),
        Field("unite", "Unit that acted, redacted.", ("Unité",), parsers.redacted_text),
        Field("departement", "Code of the département; empty for the whole country.", ("Département",), departement),
        Field("commune", "Commune, redacted.", ("Commune",), parsers.redacted_text),
        Field("date_debut", "First day, 'YYYY-MM-DD'.", ("Date de début", "Date"), day),
        Field("date_fin", "Last day, 'YYYY-MM-DD'; empty when it is the first.", ("Date de fin",), day),
        Field(
            "personnes_touchees",
            "People reached.",
            ("Personnes touchées", "Nombre de personnes touchées"),
            in_french(parsers.count, "n'est pas un nombre entier de personnes"),
            "bigint",
        ),
        Field("heures", "Working hours spent, all gendarmes together.", ("Heures",), hours, "decimal"),
        Field("cout_euros", "Cost besides working hours, euros.", ("Coût en euros", "Coût"), euros, "decimal"),
        Field(
            "indicateurs_vises",
            "Codes of the KPIs that the action is meant to move, separated by semicolons.",
            ("Indicateurs visés",),
            indicators,
        ),
        Field(
            "retrait",
            "'Oui' where the unit has withdrawn the action, which counts in no figure then.",
            ("Retirée", "Action retirée"),
            one_of(WITHDRAWALS),
        ),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    rule=_whole_line,
    dropped=(
        Dropped(
            ("Rédacteur", "Intervenant", "Intervenants", "Contact", "Référent"),
            "name of a person, which no figure needs",
        ),
    ),
)

CONTRACT = (ACTIONS,)
