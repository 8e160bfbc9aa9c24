"""Redacts short texts that are no sentences: names of files and columns, identifiers, values of a list."""

import re

from privacy.handles import mask_pseudonyms
from privacy.identifiers import is_luhn_valid, is_nir_valid, mask_identifiers
from privacy.names import find_names
from privacy.reading import Reading
from privacy.spelling import is_odd, seen

#: What parts the words of a file, a column or an account.
_JOINS = str.maketrans("_+", "  ")
_DATE = re.compile(r"(?<!\d)20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[_T ]\d\d-\d\d-\d\d)?(?!\d)")
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ _.+\-]+[^\W\d_]{2,})+")
_PREFIXED_NUMBER = re.compile(r"(?:[A-Za-z]{1,16}[-_:.|/]?)?(\d+)")
_MAY_BE_IBAN = re.compile(r"[A-Za-z]{2}\d{13}")
_LINE = re.compile(r"0[1-9]\d{8}|(?:00)?33[1-9]\d{8}")
#: Letters and digits that change places as only a machine's do.
_DRAWN = re.compile(r"(?=[0-9A-Za-z]{16,}\Z)(?:[A-Za-z]*\d+[A-Za-z]+){2,}\d*[0-9A-Za-z]*")
_NIR_LENGTH, _CARD_LENGTH = 15, 16
#: Of a line, a NIR or a card.
_FEWEST_DIGITS = 10
_FIRST_OF_CARDS = "3456"
_ACCOUNT = re.compile(r"://|@")

#: Marks of what no list of values holds. A version may look like an IP address, a reference like a plate.
_NEVER_LISTED = ("[MAIL]", "[TÉLÉPHONE]", "[IBAN]", "[NIR]", "[CARTE]")


def without_dates(label: str) -> str:
    """Return a label of the same length without dates and hours, which have the digits of a phone side by side."""
    return _DATE.sub(lambda found: "£" * len(found[0]), label)


def as_words(label: str) -> str:
    """Return a label of the same length whose words stand apart, for what reads running text, without its dates."""
    return without_dates(label).translate(_JOINS)


def is_personal(identifier: str) -> bool:
    """Return whether an identifier of a record is one of a person: a mail, a phone, a NIR, an account, a name.

    Randomly generated numbers identify nobody, whatever they look like, unless they are a line, a NIR or a card.
    """
    if len(identifier) < _FEWEST_DIGITS and identifier.isascii() and identifier.isdigit():
        return False
    if is_odd(identifier):
        identifier = seen(identifier).text
    if _DRAWN.fullmatch(identifier):
        return False
    number = _PREFIXED_NUMBER.fullmatch(identifier)
    if number and not _MAY_BE_IBAN.match(identifier):
        return _is_number_of_a_person(number[1])
    if mask_identifiers(identifier) != identifier:
        return True
    if _ACCOUNT.search(identifier):
        return mask_pseudonyms(Reading(identifier)) != identifier
    return any(find_names(Reading(re.sub(r"[_.+\-]+", " ", words[0]))) for words in _WORDS.finditer(identifier))


def _is_number_of_a_person(digits: str) -> bool:
    if len(digits) == _NIR_LENGTH:
        return is_nir_valid(digits)
    if len(digits) == _CARD_LENGTH:
        return digits[0] in _FIRST_OF_CARDS and is_luhn_valid(digits)
    return _LINE.fullmatch(digits) is not None


def what_no_list_holds(value: str) -> str | None:
    """Return the mark of a mail, phone, IBAN, NIR or card in a value of a list, `None` where there is none."""
    if is_odd(value):
        value = seen(value).text
    masked = mask_identifiers(value)
    if masked == value:
        return None
    return next((mark for mark in _NEVER_LISTED if masked.count(mark) > value.count(mark)), None)
