"""Finds birth dates in running text by the words that announce them."""

import re

from privacy.reading import BLANK as _B
from privacy.reading import Reading, replace_spans
from privacy.vocabulary import Kind

#: A month, in full or short, with or without its accent.
MONTH = (
    r"(?:janv(?:ier|\.)?|f[ée]vr?(?:ier|\.)?|mars|avr(?:il|\.)?|mai|juin|juil(?:let|\.)?|ao[uû]t|sept(?:embre|\.)?"
    r"|oct(?:obre|\.)?|nov(?:embre|\.)?|d[ée]c(?:embre|\.)?)"
)
_SPELT_DAY = (
    r"(?:premier|deux|trois|quatre|cinq|six|sept|huit|neuf|dix(?:[ -](?:sept|huit|neuf))?|onze|douze|treize|quatorze"
    r"|quinze|seize|vingt(?:[ -](?:et[ -]un|deux|trois|quatre|cinq|six|sept|huit|neuf))?|trente(?:[ -]et[ -]un)?)"
)
_FIGURES = re.compile(
    rf"\d(?:\d?{_B}?[/.\-]{_B}?\d{{1,2}}{_B}?[/.\-]{_B}?\d{{2,4}}|\d{{3}}[/.\-]\d{{1,2}}[/.\-]\d{{1,2}}"
    rf"|\d?(?:er)?[ \u00a0\u202f\-]{{1,2}}(?:de{_B})?{MONTH}(?:[ \u00a0\u202f\-]{{1,2}}(?:\d{{4}}|['’]?\d{{2}}))?"
    rf"|\d?{_B}\d{{1,2}}{_B}\d{{2,4}}|\d{{7}}|\d{{5}}|\d{{3}}|\d?[/.]\d{{1,2}}(?![.\-]\d)|\d)(?![\d/])",
    re.IGNORECASE,
)
_MONTH_AND_YEAR = re.compile(rf"(?<=\ben\s){MONTH}{_B}(?:19\d\d|200\d|201[0-8])(?!\d)", re.IGNORECASE)
_SPELT = re.compile(
    rf"(?<=\s){_SPELT_DAY}{_B}{{1,2}}{MONTH}(?:{_B}{{1,2}}(?:\d{{4}}|mille(?:[ -]\w{{2,12}}){{1,6}}))?", re.IGNORECASE
)
_BORN = (
    rf"(?:n[ée]e?\(?e?\)?s?|n[ée][·.]e|n[ae][iî]t|naqui[st]|naiss(?:ances?|\.)?|d\.?{_B}?(?:d\.?{_B}?)?n\.?"
    rf"|anniv(?:ersaires?|\.)?|born|birthday|birth(?: date)?|dob)"
)
_BORN_BEFORE = re.compile(
    rf"(?<![\w\[]){_BORN}{_B}{{0,2}}(?:(?:[:=,(\-–]|est|était|du|le|un|ce|tombe|on|c['’]?est|c){_B}{{0,2}}){{0,4}}"
    rf"(?:(?:à|a|au|aux){_B}[^\d\n,.;:!?\[]{{2,40}}?{_B}?(?:\(\d[\dAB]\d?\))?,?{_B}?(?:le|en){_B})?(?:(?:en|vers|courant){_B})?\Z"
    # née Girard le …: the accent is needed, "il ne répond pas le …" has none
    rf"|(?<![\w\[])née?s?{_B}[^\d\n,.;:!?\[]{{2,40}}?{_B}le{_B}\Z"
    # nés le … et le …
    rf"|(?<![\w\[])n[ée]e?s{_B}le{_B}\[DATE DE NAISSANCE\]{_B}?(?:et|,){_B}(?:le{_B})?\Z"
    # date de naissance de mon fils : …
    rf"|(?<![\w\[])(?:naiss(?:ance|\.)?|anniv(?:ersaire)?){_B}(?:de|du|d['’]|à){_B}?[^\d\n,.;:!?()\[]{{2,40}}?"
    rf"(?:{_B}?[:=]|{_B}(?:est|c['’]est|tombe)){_B}{{0,2}}(?:le{_B})?\Z"
    # elle aura ses 80 ans le …
    rf"|(?<![\w\[])(?:eu|aura|aurai|f[êe]t\w{{1,6}}){_B}(?:ses{_B}|mes{_B})?\d{{1,3}}{_B}ans{_B}le{_B}\Z",
    re.IGNORECASE,
)
_BORN_AFTER = re.compile(
    rf"(?:{_B}à{_B}[A-ZÀ-Ý][\w\-]{{1,30}})?{_B}?[(,:\-–=]?{_B}?(?:c['’]?est{_B}|est{_B})?(?:(?:(?:la|ma|sa|votre|mes|date|et|lieu|de|jour){_B}){{0,5}}"
    rf"(?:naissance|naiss|ddn)|(?:mon|son|ton|notre){_B}anniv(?:ersaire)?)\b",
    re.IGNORECASE,
)
_NAMED_BEFORE = re.compile(rf"\[NOM\]{_B}?[,(\-–]?{_B}?\Z")
_AGE_BEFORE = re.compile(rf"(?<!y a )(?<!depuis )(?<!\d)(\d{{1,3}}){_B}ans{_B}?[,(\-–]{_B}?\Z", re.IGNORECASE)
_AGE_AFTER = re.compile(rf"{_B}?[,(\-–]{_B}?(?:âgée?{_B}(?:de{_B})?)?(\d{{1,3}}){_B}ans", re.IGNORECASE)
_WHOLE_YEAR = re.compile(r"(?<!\d)(?:19\d\d|20[01]\d)(?!\d)")
#: An older date beside a name or an age is no event that anybody writes to us about.
_LATEST_BIRTH = 2012
#: A year of birth and an age make up a year of our time.
_TIMES_OF_WRITING = range(2015, 2041)
_BORN_WORDS = ("né", "Né", "NÉ", "naissance", "NAISSANCE")
_BARE_YEAR = re.compile(r"(?:19|20)\d\d|(?<=en )\d\d(?![.,:]\d|[\w%€])")
_YEAR_LENGTH = 4
_CONTEXT_LENGTH = 80
_BIRTH = int(Kind.BIRTH)


def mask_birth_dates(reading: Reading) -> str:
    """Replace each date that words of birth announce; the date of an event stays."""
    text = reading.text
    if not (reading.present & _BIRTH or ("[NOM]" in text and _WHOLE_YEAR.search(text))):
        return text
    spans = [found.span() for found in _FIGURES.finditer(text)]
    if any(word in text for word in _BORN_WORDS):
        spans += [found.span() for found in _MONTH_AND_YEAR.finditer(text)]
        spans += [found.span() for found in _SPELT.finditer(text)]
    return replace_spans(text, [span for span in spans if _is_birth_date(text, *span)], "[DATE DE NAISSANCE]")


def _is_birth_date(text: str, start: int, end: int) -> bool:
    if text[start - 1 : start].isdecimal():
        return False
    before = _BORN_BEFORE.search(text, max(0, start - _CONTEXT_LENGTH), start)
    if end - start <= _YEAR_LENGTH:
        return before is not None and _BARE_YEAR.fullmatch(text[: end + 1], start, end) is not None
    return before is not None or _BORN_AFTER.match(text, end) is not None or _stands_by_a_person(text, start, end)


def _stands_by_a_person(text: str, start: int, end: int) -> bool:
    """Return whether an old date stands directly after a name, or beside the age that goes with it."""
    year = _WHOLE_YEAR.search(text, start, end)
    if not year or int(year[0]) > _LATEST_BIRTH:
        return False
    context = max(0, start - _CONTEXT_LENGTH)
    age = _AGE_BEFORE.search(text, context, start) or _AGE_AFTER.match(text, end)
    if age:
        return int(year[0]) + int(age[1]) in _TIMES_OF_WRITING
    return _NAMED_BEFORE.search(text, context, start) is not None
