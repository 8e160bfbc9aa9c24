"""What the load says of a file and its records, in French: the load itself speaks to engineers."""

import re
from collections.abc import Iterable, Iterator

#: How a message of a load begins: platform, file, and the line where there is one.
_WHERE = re.compile(r"\w+, (?:file|fichier|address) [^:]*?(?:, (?:line|record) (?P<line>\d+))? ?: ")

#: Why a record is set aside.
REASONS = (
    (r"is empty, and must not be", "est vide, et ne doit pas l'être"),
    (r"is empty, and so is every other of: (.*)", "est vide, comme chacune de ces colonnes : {}"),
    (r"is empty, and a signal that is 'écarté' needs its reason", "est vide : un signal écarté demande sa raison"),
    (r"was rounded by a spreadsheet: its digits are lost", "a été arrondi par un tableur : ses chiffres sont perdus"),
    (r"is not the code of a département", "n'est pas un code de département (exemples : 06, 2A, 33, 971)"),
    (r"is not the code of a region", "n'est pas un code de région"),
    (r"is not the INSEE code of a commune", "n'est pas un code INSEE de commune"),
    (r"is not an INSEE code that begins with (.*)", "n'est pas un code INSEE qui commence par {}"),
    (r"is not a French postal code", "n'est pas un code postal français"),
    (r"is not a whole number", "n'est pas un nombre entier"),
    (r"is not a number of seconds since 1970", "n'est pas un nombre de secondes depuis 1970"),
    (r"is not a number", "n'est pas un nombre"),
    (r"(.*) is no number of JSON", "{} n'est pas un nombre que le JSON connaît"),
    (r"is a negative amount", "est un montant négatif"),
    (r"is not a percentage from 0 to 100", "n'est pas un pourcentage de 0 à 100"),
    (r"is not a rating from 1 to (.*)", "n'est pas une note de 1 à {}"),
    (r"is more than (.*) stars", "dépasse {} étoiles"),
    (r"is neither a number from (.*) to (.*) nor a known word", "n'est ni un nombre de {} à {} ni un mot connu"),
    (r"is none of: (.*)", "n'est aucune des valeurs attendues : {}"),
    (r"is neither true nor false", "n'est ni vrai ni faux (attendu : oui, non, 1, 0)"),
    (r"is not a date of the calendar", "n'est pas une date du calendrier"),
    (r"is not a month(?: of the calendar)?", "n'est pas un mois"),
    (r"is not an hour of the day", "n'est pas une heure de la journée"),
    (r"is not a time in ISO 8601", "n'est pas une date et une heure (exemple : 2026-03-31T15:07:00Z)"),
    (r"has no time of day", "n'a pas d'heure"),
    (r"lies outside the years (.*) to (.*)", "est hors des années {} à {}"),
    (r"lies after the load", "est dans le futur"),
    (r"lies before opened_at", "précède l'ouverture"),
    (r"contradicts closed_at", "contredit la date de clôture"),
    (r"is not a web address", "n'est pas une adresse web"),
    (r"is not declared in config/accounts.yml", "n'est pas un compte déclaré"),
    (
        r"is not the identifier of a review, of up to seven hexadecimal digits",
        "n'est pas l'identifiant d'un avis (sept chiffres hexadécimaux au plus)",
    ),
    (r"it has (\d+) fields where the header has (\d+)", "la ligne a {} champs, l'en-tête en a {}"),
    (r"a quoted field is not closed", "un guillemet n'est pas refermé"),
    (r"its quotes are not balanced", "les guillemets sont mal placés"),
    (r"the file is truncated here: (.*)", "le fichier est coupé ici"),
    (r"the column (.*) holds a nested value", "la colonne {} contient une liste ou un objet"),
    (r"the key (.*) stands twice in one object", "la clé {} figure deux fois dans un objet"),
)

#: Why a whole file is refused, and what to do.
_EXPORT_AGAIN = "Refaites l'export depuis la plateforme, et envoyez le nouveau fichier."
_AS_CSV = "Enregistrez les données au format CSV, en UTF-8, séparées par « ; » ou « , », et envoyez ce fichier."
_ONE_COLUMN = "Gardez une seule de ces colonnes."
_SPLIT = "Découpez le fichier par période, et envoyez les parties une à une."
FAILURES = (
    (r"the file is empty", "le fichier est vide", _EXPORT_AGAIN),
    (r"the file is larger than (\d+) MiB", "le fichier dépasse {} Mio", _SPLIT),
    (r"the file takes too much memory", "le fichier demande trop de mémoire", _SPLIT),
    (r"The check has not ended", "la vérification n'a pas pu aller à son terme", _SPLIT),
    (r"the file is an old Excel workbook.*", "c'est un ancien classeur Excel, ou un classeur chiffré", _AS_CSV),
    (r"the file is a spreadsheet or a ZIP archive.*", "c'est un classeur ou une archive, non un fichier CSV", _AS_CSV),
    (r"the file is an archive, not an XLSX workbook", "c'est une archive, non un classeur", _AS_CSV),
    (
        r"the file is not an XLSX workbook, or is damaged",
        "ce n'est pas un classeur XLSX, ou il est chiffré ou abîmé",
        "Ôtez le mot de passe du classeur, ou enregistrez-le en CSV, et envoyez ce fichier.",
    ),
    (r"the file is no XLSX workbook.*", "ce n'est pas un classeur XLSX, ou il est chiffré ou abîmé", _AS_CSV),
    (r"the workbook is damaged.*", "le classeur est abîmé", _AS_CSV),
    (
        r"the workbook (?:unpacks to more than|has more than|goes beyond).*",
        "le classeur est trop grand une fois décompressé",
        _SPLIT,
    ),
    (r"the sheet has more than (\d+) rows", "la feuille a plus de {} lignes", _SPLIT),
    (r"the workbook declares XML entities.*", "le classeur n'est pas celui d'un tableur", "Ne l'utilisez pas."),
    (r"no sheet .*", "aucune feuille du classeur n'a l'en-tête ou le nom attendus", "Reprenez le modèle."),
    (r"the file is (?:a PDF document|a gzip archive|JSON).*", "ce n'est pas un fichier CSV", _AS_CSV),
    (r"the file is a web page.*", "c'est une page web : le téléchargement a échoué", _EXPORT_AGAIN),
    (r"the file holds binary data, not text", "le fichier contient des données binaires, non du texte", _AS_CSV),
    (r"a line is longer than (\d+) MiB", "une ligne dépasse {} Mio", _EXPORT_AGAIN),
    (r"the header is cut or its quotes are not balanced", "l'en-tête est coupé ou abîmé", _EXPORT_AGAIN),
    (
        r"the header names (.*) more than once",
        "l'en-tête nomme {} plus d'une fois",
        "Gardez une seule de ces colonnes.",
    ),
    (r"the header is not recognised.*", "l'en-tête n'est pas celui d'un export de cette plateforme", _EXPORT_AGAIN),
    (
        r"no column map knows the header.*",
        "l'en-tête n'est celui d'aucun export connu",
        "Demandez à un ingénieur de déclarer ses colonnes.",
    ),
    (
        r"the required column (.*?) of table .* is missing.*",
        "il manque la colonne {}",
        "Envoyez l'export complet, sans renommer ni ôter de colonne.",
    ),
    (r"the columns (.*) both mean .*", "les colonnes {} disent la même chose", _ONE_COLUMN),
    (r"the column (\S+) holds a .*", "la colonne {} contient une liste ou un objet", _EXPORT_AGAIN),
    (
        r"the column (\S+) .* in all of (\d+) records.*",
        "la colonne {} est fausse dans chacune des {} premières lignes",
        "La plateforme a sans doute changé son format : prévenez un ingénieur.",
    ),
    (
        r"it has (\d+) fields where the platform gives (\d+)",
        "la première ligne a {} champs au lieu de {}",
        _EXPORT_AGAIN,
    ),
    (r"the (?:file|document) is not whole JSON.*", "le JSON est incomplet ou abîmé", _EXPORT_AGAIN),
    (
        r"the document (?:is not of the expected form|holds no list).*",
        "le document n'a pas la forme attendue",
        _EXPORT_AGAIN,
    ),
    (
        r"the records do not say which site they are of",
        "rien ne dit de quel site sont ces visites",
        "Mettez le nom du site dans celui du fichier, ou ajoutez une colonne « site ».",
    ),
    (
        r"the followers have no day",
        "rien ne dit de quel jour sont ces abonnés",
        "Ajoutez une colonne « day », ou mettez le jour dans le nom du fichier (x_2026-03-30.jsonl).",
    ),
    (
        r"it holds a card number or an opposition number.*",
        "le fichier contient un numéro de carte ou d'opposition",
        "Supprimez ce fichier, et demandez au producteur les seuls totaux.",
    ),
)


def reason(english: str) -> str:
    """Return why a record is set aside; what is French already, and what is not known here, stays as it is."""
    return next(_said(english, REASONS), (english,))[0]


def failure(what: str, remedy: str) -> tuple[str, str]:
    """Return why a file is refused and what to do; what is not known here is said in general."""
    where = _WHERE.match(what)
    bare = (what[where.end() :] if where else what).rstrip(".")
    if remedy.startswith("Rien "):  # said in French by the load
        return _sentence(bare), remedy
    line = f", ligne {where['line']}" if where and where["line"] else ""
    found = next(_said(bare, FAILURES), ("le fichier ne peut pas être lu tel qu'il est", _EXPORT_AGAIN))
    return _sentence(found[0] + line), found[1]


def _said(english: str, known: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for pattern, said, *more in known:
        if matched := re.fullmatch(pattern, english, re.DOTALL):
            yield said.format(*matched.groups()), *more


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
