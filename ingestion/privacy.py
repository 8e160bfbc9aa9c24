"""Redaction of structured identifiers. Names, birth dates and pseudonyms in running text are not recognised here.

Because this module does not find names, no free text may pass through it to the disk: contracts drop free texts, and
`shorten` replaces what looks like one. What it does find, it replaces by a typed French mark that later readers see.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address

#: Values longer than this are taken for running text, which may hold names.
FREE_TEXT_LENGTH = 60

_SEPARATOR = r"[\s.\-/\u00a0\u202f]{0,2}"


#: Ten digits of a date with its hour are not a phone.
_DATE = r"\d{2}([./-])\d{2}\1(?:19|20)\d{2}\b"


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _is_card(text: str) -> bool:
    """Tell whether the digits satisfy the Luhn check of ISO/IEC 7812."""
    digits = [int(digit) for digit in reversed(_digits(text))]
    doubled = (digit * 2 for digit in digits[1::2])
    return (sum(digits[::2]) + sum(sum(divmod(digit, 10)) for digit in doubled)) % 10 == 0


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _always(_: str) -> bool:
    return True


#: In the order in which they apply: the longest shapes first, so that a phone is not found inside an IBAN.
_IDENTIFIERS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        "[MAIL]",
        re.compile(r"[\w.+%-]+\s?(?:@|\(at\)|\[at\]|\(arobase\)|\[arobase\])\s?[\w-]+(?:\.[\w-]+)+", re.IGNORECASE),
        _always,
    ),
    ("[IBAN]", re.compile(r"\bFR[\s-]?\d{2}(?:[\s.-]?[0-9A-Z]){23}\b", re.IGNORECASE), _always),
    ("[IBAN]", re.compile(r"\b[A-Z]{2}\d{2}(?:[\s.-]?[A-Z0-9]){11,30}\b"), _always),
    (
        "[NIR]",
        re.compile(
            rf"(?<!\d)[1-478]{_SEPARATOR}\d{{2}}{_SEPARATOR}(?:0[1-9]|1[0-2]|[2-9]\d){_SEPARATOR}(?:\d{{2}}|2[AB])"
            rf"{_SEPARATOR}\d{{3}}{_SEPARATOR}\d{{3}}(?:{_SEPARATOR}\d{{2}})?(?!\d)",
            re.IGNORECASE,
        ),
        _always,
    ),
    ("[CARTE]", re.compile(r"(?<!\d)[1-9]\d{3}(?:[\s.-]?\d{4}){3}(?!\d)"), _always),
    ("[CARTE]", re.compile(r"(?<!\d)[1-9](?:[\s.-]?\d){12,18}(?!\d)"), _is_card),
    (
        "[TÉLÉPHONE]",
        re.compile(
            rf"(?<![\d+])(?!{_DATE})(?:(?:\+|00){_SEPARATOR}\d{{2,3}}{_SEPARATOR}(?:\(0\))?(?:{_SEPARATOR}\d){{6,10}}"
            rf"|\(?0{_SEPARATOR}[1-9]\)?(?:{_SEPARATOR}\d){{8}})(?!\d)"
        ),
        _always,
    ),
    ("[PLAQUE]", re.compile(r"\b[A-HJ-NP-TV-Z]{2}[\s-]?\d{3}[\s-]?[A-HJ-NP-TV-Z]{2}\b", re.IGNORECASE), _always),
    ("[PLAQUE]", re.compile(r"\b\d{2,4}[\s-]?[A-HJ-NP-TV-Z]{2,3}[\s-]?(?:\d{2}|2[AB]|97[1-6])\b"), _always),
    ("[IP]", re.compile(r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w:]|\.\d)"), _is_address),
    ("[IP]", re.compile(r"(?<![\w.:])[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*[0-9a-f:](?![\w:])", re.IGNORECASE), _is_address),
)

#: Words of a column name that announce a direct identifier, folded.
_PERSONAL_PARTS = ("mail", "courriel", "telephone", "pseudo", "prenom", "adresse", "naissance", "plaque", "iban")
_PERSONAL_WORDS = frozenset({"nom", "noms", "patronyme", "tel", "portable", "mobile", "nir", "ip"})


def redact(text: str) -> str:
    """Replace mail and IP addresses, phones, IBAN, cards, NIR and plates by a mark such as `[MAIL]`."""
    for mark, pattern, confirm in _IDENTIFIERS:
        text = pattern.sub(lambda found, mark=mark, confirm=confirm: mark if confirm(found[0]) else found[0], text)
    return text


def shorten(text: str) -> str:
    """Redact a value whose content is not known; of a running text, keep nothing but its length."""
    if len(text) > FREE_TEXT_LENGTH:
        return f"[TEXTE de {len(text)} caractères]"
    return redact(text)


def names_personal_datum(words: tuple[str, ...]) -> bool:
    """Tell whether a column name, given as folded words, announces a direct identifier."""
    return any(word in _PERSONAL_WORDS or any(part in word for part in _PERSONAL_PARTS) for word in words)
