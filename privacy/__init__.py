"""Privacy before the first write: redaction of free text and keyed pseudonyms.

`redact` replaces what identifies a person by a typed French mark that later readers see. Structured identifiers are
masked in every spelling; names, postal addresses, pseudonyms and birth dates are recognised by their context and by
word lists, with a measured recall (`tests/privacy/test_redaction_set.py`).
"""

import re
from typing import BinaryIO

from privacy.addresses import mask_addresses
from privacy.birth_dates import mask_birth_dates
from privacy.handles import mask_pseudonyms
from privacy.identifiers import mask_identifiers as mask_plain_identifiers
from privacy.labels import as_words, is_personal, what_no_list_holds, without_dates
from privacy.names import mask_names
from privacy.pseudonyms import pseudonymise, pseudonymise_account
from privacy.reading import Reading
from privacy.spelling import Seen, is_odd, replace_as_seen, replace_in, seen

__all__ = [
    "FREE_TEXT_LENGTH",
    "MARK",
    "is_personal",
    "mask_identifiers",
    "names_personal_datum",
    "pseudonymise",
    "pseudonymise_account",
    "redact",
    "redact_label",
    "redact_lines",
    "shorten",
    "what_no_list_holds",
]

#: Values longer than this are taken for running text.
FREE_TEXT_LENGTH = 60

#: Each pass that changes a text adds a mark, and marks are left alone; a text of pathological shape stops here.
_MOST_PASSES = 8

#: What stands in the place of a personal datum.
MARK = re.compile(r"\[(?:TÉLÉPHONE|MAIL|IBAN|CARTE|NIR|PLAQUE|IP|NOM|ADRESSE|PSEUDO|DATE DE NAISSANCE)\]")

#: Words of a column name that announce a direct identifier, folded.
_PERSONAL_PARTS = ("mail", "courriel", "telephone", "pseudo", "prenom", "adresse", "naissance", "plaque", "iban")
_PERSONAL_WORDS = frozenset({"nom", "noms", "patronyme", "tel", "portable", "mobile", "nir", "ip"})


def redact(text: str) -> str:
    """Replace what identifies a person by a mark such as `[MAIL]` or `[NOM]`; a text without such data stays as it is.

    Redacting twice changes nothing more: the passes go on until one finds nothing.
    """
    for _ in range(_MOST_PASSES):
        redacted = replace_as_seen(text, _redact_fully, MARK) if is_odd(text) else text
        redacted = _redact_once(redacted)
        if redacted == text:
            break
        text = redacted
    return text


def mask_identifiers(text: str) -> str:
    """Replace mail and IP addresses, phones, IBAN, cards, NIR and plates by their marks, however they are spelt."""
    if is_odd(text):
        text = replace_as_seen(text, mask_plain_identifiers, MARK)
    return mask_plain_identifiers(text)


def redact_label(label: str) -> str:
    """Redact the name of a file or a column, whose words underscores may join: `DUPONT_Jean_2025.csv`."""
    for reading, replace in ((without_dates, mask_plain_identifiers), (_without_marks, _redact_fully)):
        as_seen = seen(label)
        label = replace_in(label, Seen(reading(as_seen.text), as_seen.places), replace, MARK)
    return label


def _without_marks(label: str) -> str:
    """Return a label as words, of the same length, in which no mark keeps the name before it from being read."""
    return as_words(MARK.sub(lambda found: ".".ljust(len(found[0])), label))


def redact_lines(source: BinaryIO, sink: BinaryIO) -> None:
    """Redact a stream line by line, in memory that the longest line bounds.

    Line ends are kept as they are. Bytes that are not UTF-8 are replaced by U+FFFD.

    Args:
        source: Where lines are read, in bytes, as of `sys.stdin.buffer`.
        sink: Where redacted lines are written, in UTF-8; flushed after each line, so that a pipe shows them at once.
    """
    for line in source:
        body = line.rstrip(b"\r\n")
        sink.write(redact(body.decode("utf-8", errors="replace")).encode() + line[len(body) :])
        sink.flush()


def shorten(text: str) -> str:
    """Redact a value whose content is not known; of a running text, keep nothing but its length."""
    if len(text) > FREE_TEXT_LENGTH:
        return f"[TEXTE de {len(text)} caractères]"
    return redact(text)


def names_personal_datum(words: tuple[str, ...]) -> bool:
    """Return whether a column name, given as folded words, announces a direct identifier."""
    return any(word in _PERSONAL_WORDS or any(part in word for part in _PERSONAL_PARTS) for word in words)


def _redact_fully(text: str) -> str:
    for _ in range(_MOST_PASSES):
        redacted = _redact_once(text)
        if redacted == text:
            break
        text = redacted
    return text


def _redact_once(text: str) -> str:
    """Apply each recogniser once, the most certain first; each reads what the one before has left."""
    masked = mask_plain_identifiers(text)
    reading = Reading(masked)
    for mask in (mask_birth_dates, mask_addresses, mask_pseudonyms, mask_names):
        masked = mask(reading)
        if masked is not reading.text:
            reading = Reading(masked)
    return masked
