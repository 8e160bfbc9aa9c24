"""Finds structured identifiers in running text: mail, IP, phone, IBAN, card, NIR, plate.

Each pattern accepts every spelling; a check digit decides between two readings, it never spares a number. All patterns
are bounded, so that no text can make them slow.
"""

import re
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address

from privacy.vocabulary import word_set

#: What people, telephones and word processors put between digits: blanks, dashes, dots, invisible marks. No line end.
_BLANK = r"\s\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad"
_SEPARATOR = rf"(?:(?![\r\n])[{_BLANK}.\-/_·•*‐-―−]){{0,3}}"
_THIN = r"(?:(?![\r\n])[\s.\-·_‐-―−\u200b\u2060\ufeff\u00ad]){0,2}"

#: What else stands between the pairs of a phone: 06(98)76. Not what parts the items of a list.
_SYMBOLS = r"(?:(?![\r\n,;:€%<>])[^\w]){1,4}"

#: A date with its hour has the ten digits of a phone.
_DATE = r"\d{1,2}[\s]?([./\-])[\s]?\d{1,2}[\s]?\1[\s]?(?:(?:19|20)\d{2}|\d{2}(?=[\s,à]{1,3}\d{1,2}\s?[h:]))\b"

#: 20250131123000, as programs name files.
_TIMESTAMP = r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?!\d)"

#: Published numbers that are nobody's: the helplines and Info Escroqueries.
_PUBLIC_PHONES = frozenset({"0805805817", "0800235236", "0800059595", "0801801801"})

#: Length of an IBAN per country (SWIFT IBAN registry).
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20, "CI": 28, "SN": 28, "MA": 28, "DZ": 26, "BF": 28, "BJ": 28, "CM": 27, "ML": 28, "MG": 27, "TG": 28,
    "GA": 27, "CG": 27, "GN": 28, "NE": 28,
}  # fmt: skip
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34
_IBAN_DIGITS = 9

_AT_SIGN = re.compile(
    r"\s?(?:[@＠﹫]|[(\[{<]\s?(?:at|a|arobase|arobas|arrobase|chez)\s?[)\]}>])\s?|\s(?:arobase|arobas|arrobase)\s|\sat\s(?=[\w.-]{1,40}(?:\.|\s(?:dot|point)\s)\w{2})"
    # marie a orange point fr
    r"|\s(?:a|à|chez)\s(?=[\w-]{2,40}\s(?:dot|point)\s(?:fr|com|net|org|eu)\b)",
    re.IGNORECASE,
)
_DOT = r"(?:\s?\.\s?(?=[a-z])|\s?[(\[{]\s?(?:dot|point|\.)\s?[)\]}]\s?|\s(?:point|dot)\s|,(?=(?:fr|com|net|org)\b))"
_DOT_IN_LOCAL = r"(?:\s?[(\[{]\s?(?:dot|point|\.)\s?[)\]}]\s?|\s\.\s)"
_LOCAL_PART = re.compile(
    rf"(?:[\w.+%’'\-]{{1,64}}(?:{_DOT_IN_LOCAL}|\s(?:point|dot|tiret)\s))?[\w.+%'\-]{{1,64}}\Z", re.IGNORECASE
)
_DOMAIN = re.compile(rf"[\w\-]{{1,63}}(?:{_DOT}[\w\-]{{1,63}}){{1,5}}", re.IGNORECASE)
_USUAL_END = re.compile(
    r"\.(?:fr|com|net|org|eu|be|ch|de|it|es|pt|uk|lu|io|info|me|pro|re|gp|mq|nc|pf|bzh|ma|dz|tn|sn|ca)\Z", re.IGNORECASE
)
_POINT = re.compile(r"\.|point|dot", re.IGNORECASE)
_DOMAIN_WITHOUT_END = re.compile(r"[\w\-]{2,63}", re.IGNORECASE)

_IBAN_START = re.compile(
    rf"(?:(?<![^\W_])|(?<=iban))([a-z]{_THIN}[a-z]){_THIN}\d{_THIN}\d(?={_THIN}[a-z0-9])", re.IGNORECASE
)
_ALNUM_STEP = re.compile(rf"{_THIN}([a-z0-9])", re.IGNORECASE)
_IBAN_BLOCK = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:[ \u00a0\u202f.\-]?[A-Z0-9]{2,4}){3,8}(?![^\W_])")

_NIR = re.compile(
    rf"(?<!\d)[1-478]{_SEPARATOR}\d{{2}}{_SEPARATOR}(?:0[1-9]|1[0-2]|[2-9]\d){_SEPARATOR}"
    rf"(?:\d{{2}}{_SEPARATOR}\d{{3}}|2{_THIN}[AB]{_SEPARATOR}\d{{3}}|9[78]\d{_SEPARATOR}\d{{2}})"
    rf"{_SEPARATOR}\d{{3}}(?:(?:{_SEPARATOR}|\s?\(?(?:cl[ée]|/)?\s?:?\s?)\d{{2}}\)?)?(?!\d)",
    re.IGNORECASE,
)
_LOOSE_NIR = re.compile(
    rf"(?<!\d)[1-478](?:{_SEPARATOR}\d){{5}}{_SEPARATOR}(?:\d|[AB])(?:{_SEPARATOR}\d){{6}}(?:{_SEPARATOR}\d\d)?(?!\d)",
    re.IGNORECASE,
)
_CARD_GROUPS = re.compile(
    rf"(?<!\d)(?!{_TIMESTAMP})(?:[1-9]\d{{3}}(?:{_SEPARATOR}\d{{4}}){{3}}(?:{_SEPARATOR}\d{{1,3}})?|3[47]\d{{2}}{_SEPARATOR}\d{{6}}{_SEPARATOR}\d{{5}}"
    rf"|3[068]\d{{2}}{_SEPARATOR}\d{{6}}{_SEPARATOR}\d{{4}}|[1-9]\d{{12,18}})(?!\d)"
)
_CARD = re.compile(rf"(?<!\d)[1-9](?:{_SEPARATOR}\d){{12,18}}(?!\d)")
_CARD_GROUP = 4
_PAIR = rf"(?:{_SEPARATOR}\d){{2}}"
_PHONE = re.compile(
    rf"(?<![\d+])(?!{_DATE})\(?(?:"
    # +33 6 12 34 56 78, 0033 (0)6…, (+33)6…, 33 6…
    rf"(?:\+|(?<!\d)00){_SEPARATOR}33{_SEPARATOR}\)?{_SEPARATOR}(?:\(?{_SEPARATOR}0{_SEPARATOR}\)?)?{_SEPARATOR}[1-9](?:{_SEPARATOR}\d){{8}}"
    rf"|33{_THIN}\(?0?\)?{_THIN}[1-9]{_PAIR}{_PAIR}{_PAIR}{_PAIR}"
    # other countries
    rf"|(?:\+|(?<!\d)00){_SEPARATOR}\d{{1,3}}{_SEPARATOR}\)?{_SEPARATOR}(?:\(\s?\d{{1,4}}\s?\))?(?:{_SEPARATOR}\d){{6,12}}"
    # 06 12 34 56 78, 0612 345 678, (0)6…
    rf"|0{_SEPARATOR}\)?{_SEPARATOR}[1-9]\)?(?:{_SEPARATOR}\d){{8}}"
    rf"|0[1-9](?:\s?[,;:|]\s?\d{{2}}){{4}}"
    # 06(98)76(54)32, 06 = 98 = 76 = 54 = 32
    rf"|0[1-9](?:{_SYMBOLS}\d{{2}}){{4}}"
    rf"|(?:\+|(?<!\d)00){_SEPARATOR}33{_SYMBOLS}(?:0{_SYMBOLS})?[1-9](?:(?:{_SYMBOLS})?\d{{2}}){{4}}"
    # a spreadsheet has taken the first zero away
    rf"|[67](?:[ .\-]\d\d){{4}}"
    rf")(?!\d)(?![.,]\d\d?\b(?!\s?[.,]?\s))",
)
_BARE_PHONE = re.compile(
    r"((?:t[ée]l(?:[ée]phone)?|portable|mobile|num[ée]ro|gsm|whatsapp|n°)[\s.:]{0,4}(?:est\s(?:le\s)?)?)([67]\d{8})(?!\d)",
    re.IGNORECASE,
)
_SIV_SEPARATOR = r"[\s.\-·_/‐-―−]{0,3}"
_PLATE_SIV = re.compile(
    rf"(?<![^\W_])([a-hj-np-tv-z]{{2}})({_SIV_SEPARATOR})\d{{3}}({_SIV_SEPARATOR})([a-hj-np-tv-z]{{2}})(?![^\W_])",
    re.IGNORECASE,
)
_PLATE_FNI = re.compile(
    rf"(?<![\w,.])(\d{{1,4}})({_SIV_SEPARATOR})([a-hj-np-tv-z]{{2,3}})({_SIV_SEPARATOR})(0[1-9]|[1-8]\d|9[0-5]|2[ab]|97[1-6])(?![\w])(?![,.]\d)"
    # dossier 12 AA-971-AA is a number before a plate of the other kind
    r"(?![.\-][a-hj-np-tv-z]{2}(?![^\W_]))",
    re.IGNORECASE,
)
_LETTERS_BEFORE = re.compile(r"(?<![^\W_])([a-hj-np-tv-z]{2})[\s.\-]{0,3}\Z", re.IGNORECASE)
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_IP_DOT = r"(?:\s?\[?\(?\.\)?\]?\s?|\[dot\]|\(dot\))"
_IPV4 = re.compile(
    rf"(?<![\w.])(?:{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}|{_OCTET}{_IP_DOT}{_OCTET}{_IP_DOT}{_OCTET}{_IP_DOT}{_OCTET})(?!\d|[.]\d|[^\W\d_])"
)
_IPV6 = re.compile(
    r"(?<![\w.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?:%\w{1,16})?(?![\w:])",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?:version|v|release|build|firmware)[\s.:]*\Z", re.IGNORECASE)
_COMPANY = re.compile(r"\b(?:siret|siren|rcs|finess|isbn|ean)\b[^\d\n]{0,12}\Z", re.IGNORECASE)
#: 01234/00567/2025 is the number of a report.
_YEAR_AFTER = re.compile(r"/(?:19|20)\d\d(?!\d)")
_CONTEXT_LENGTH = 24

#: Between a number of four digits and a département these abbreviations are no French.
_ABBREVIATIONS = word_set("ds ns ts tt")
#: Words and units: `de 100 km` has the shape of a plate.
_PLATE_WORDS = _ABBREVIATIONS | word_set(
    "de la le les en et ne me te se ce ma ta sa va ca as ah eh ex ps re na des par sur pts ans st nd rd th fr be"
    " ch sec rue av bd pl all ter bis art page pge lot bat apt etg nb nbr tel eme ere er vs sms mms pv gav est cet"
    " ses mes tes car pas ste cdt adj cne mdl"
)
_UNITS = word_set(
    "km kg cm mm ml cl dl hl mg gr ha hz db kw mw wh hp cv gb mb kb fps ms mn min mbs kms kmh hts mts ttc ppm pct"
    " jan fev mar avr mai sep sept dec mrs jvr fvr"
)
_SHORT_NUMBER, _LONG_NUMBER = 2, 3
_SIV_LETTERS, _SIV_DIGITS = 2, 3


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def is_luhn_valid(digits: str) -> bool:
    """Return whether digits satisfy the Luhn check of ISO/IEC 7812."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = (digit * 2 for digit in values[1::2])
    return (sum(values[::2]) + sum(sum(divmod(digit, 10)) for digit in doubled)) % 10 == 0


def is_iban_valid(characters: str) -> bool:
    """Return whether letters and digits satisfy the mod 97 check of ISO 13616."""
    moved = characters[4:] + characters[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def is_nir_valid(characters: str) -> bool:
    """Return whether the 15 characters of a NIR satisfy its key; Corsica counts 2A as 19 and 2B as 18."""
    body = characters[:13].upper().replace("2A", "19").replace("2B", "18")
    return len(characters) == 15 and body.isdecimal() and int(characters[13:]) == 97 - int(body) % 97  # noqa: PLR2004


def _before(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - _CONTEXT_LENGTH) : found.start()]


def _mask_mails(text: str) -> str:
    """Mask each mail address, growing both ways from its at sign: the work is bounded by the number of signs."""
    kept: list[str] = []
    position = 0
    for sign in _AT_SIGN.finditer(text):
        if sign.start() < position:
            continue
        local = _LOCAL_PART.search(text, max(position, sign.start() - 132), sign.start())
        if local is None:
            continue
        domain = _DOMAIN.match(text, sign.end()) or (
            "@" in sign[0].strip(" ") and _DOMAIN_WITHOUT_END.match(text, sign.end())
        )
        if not domain or (sign[0][0] == " " and " " in sign[0][1:] and not _POINT.search(domain[0])):
            continue
        if sign[0] == "@" and text[sign.start() - 6 : sign.end() + 1].lower() == "percev@l":
            continue  # how the service spells its own name
        if sign[0] == " @" and not _USUAL_END.search(domain[0]):
            continue  # a handle after a word
        kept += [text[position : local.start()], "[MAIL]"]
        position = domain.end()
    return "".join(kept) + text[position:] if kept else text


def _iban_end(text: str, start: int) -> int:
    """Return where the IBAN that begins here ends, or 0 when it is none."""
    characters = ""
    ends: list[int] = []
    position = start
    while len(characters) < _LONGEST_IBAN and (step := _ALNUM_STEP.match(text, position)):
        characters += step[1].upper()
        position = step.end()
        ends.append(position)
    length = _IBAN_LENGTHS.get(characters[:2], 0)
    is_glued = text[start : start + 4].isalnum() and text[start : start + 2].isupper()
    if not length and not is_glued:
        return 0
    candidates = [length] if length else list(range(_LONGEST_IBAN, _SHORTEST_IBAN - 1, -1))
    for candidate in candidates:
        if candidate > len(characters):
            continue
        end = ends[candidate - 1]
        digits = sum(character.isdecimal() for character in characters[:candidate])
        is_bounded = not text[end : end + 1].isalnum()
        if is_iban_valid(characters[:candidate]) and digits >= _IBAN_DIGITS:
            return end
        if length and is_bounded and digits >= max(_IBAN_DIGITS, candidate * 0.4):
            return end
    return 0


def _mask_ibans(text: str) -> str:
    kept: list[str] = []
    position = 0
    for found in _IBAN_START.finditer(text):
        if found.start() < position:
            continue
        end = _iban_end(text, found.start())
        if not end and (block := _IBAN_BLOCK.match(text, found.start())) and len(_digits(block[0])) >= _IBAN_DIGITS:
            end = block.end()
        if end:
            kept += [text[position : found.start()], "[IBAN]"]
            position = end
    return "".join(kept) + text[position:] if kept else text


def _loose_nir(found: re.Match[str]) -> str:
    return "[NIR]" if is_nir_valid(re.sub(r"[^\dAB]", "", found[0].upper())) else found[0]


def _unless_company(mark: str, found: re.Match[str]) -> str:
    """Return the mark, or the number as it is where a word before says that it is a firm's, a book's or a product's."""
    return found[0] if _COMPANY.search(_before(found)) else mark


_nir, _card = partial(_unless_company, "[NIR]"), partial(_unless_company, "[CARTE]")


def _odd_card(found: re.Match[str]) -> str:
    """Mask a number in unusual groups where its check digit is right, which one number in ten has by chance.

    Nobody copies a card in groups of seven: that is the number of an order or a parcel.
    """
    sizes = [len(group) for group in re.findall(r"\d+", found[0])]
    is_grouped = len(sizes) == 1 or all(size <= _CARD_GROUP or size % _CARD_GROUP == 0 for size in sizes)
    return _card(found) if is_grouped and is_luhn_valid(_digits(found[0])) else found[0]


def _phone(found: re.Match[str]) -> str:
    if _digits(found[0]) in _PUBLIC_PHONES or _YEAR_AFTER.match(found.string, found.end()):
        return found[0]
    opening = "(" if found[0][0] == "(" and found[0].count("(") > found[0].count(")") else ""
    return f"{opening}[TÉLÉPHONE]"


def _is_spelt_as_plate(found: re.Match[str], *letters: str) -> bool:
    """Return whether the letters are in capitals, and the words around them, if any, are not."""
    others = found.string[: found.start()] + found.string[found.end() :]
    return all(part.isupper() for part in letters) and not others.isupper()


def _plate_siv(found: re.Match[str]) -> str:
    first, before, after, last = found[1], found[2], found[3], found[4]
    letters = {first.lower(), last.lower()}
    are_words = len(letters) > 1 and letters <= _PLATE_WORDS | _UNITS  # one word twice is a plate
    is_spaced = before.isspace() or after.isspace()
    return found[0] if are_words and is_spaced and not _is_spelt_as_plate(found, first, last) else "[PLAQUE]"


def _plate_fni(found: re.Match[str]) -> str:
    number, before, letters, after = found[1], found[2], found[3], found[4]
    preceding = _LETTERS_BEFORE.search(found.string, max(0, found.start() - 5), found.start())
    may_be_siv = len(number) == _SIV_DIGITS and len(letters) == _SIV_LETTERS
    if may_be_siv and preceding and preceding[1].lower() not in _PLATE_WORDS:
        return found[0]  # AB-123-CD 33 is a plate of the other kind
    is_glued = not before and not after
    is_dashed = bool(before.strip() and after.strip())
    if letters.lower() in _UNITS:
        is_plate = len(number) > _LONG_NUMBER and (is_glued or _is_spelt_as_plate(found, letters))
    elif letters.lower() in _PLATE_WORDS:
        is_abbreviation = len(number) > _LONG_NUMBER and letters.lower() in _ABBREVIATIONS
        is_plate = is_glued or is_abbreviation or (len(number) >= _LONG_NUMBER and _is_spelt_as_plate(found, letters))
    else:
        is_plate = is_glued or letters.isupper() or len(number) >= _SHORT_NUMBER
    return "[PLAQUE]" if is_plate or is_dashed else found[0]


def _ipv4(found: re.Match[str]) -> str:
    return found[0] if _VERSION.search(_before(found)) else "[IP]"


def _ipv6(found: re.Match[str]) -> str:
    try:
        ip_address(found[0].partition("%")[0])
    except ValueError:
        return found[0]
    return "[IP]" if re.search(r"[0-9a-f]", found[0], re.IGNORECASE) else found[0]


#: In the order in which they apply, the longest shapes first, so that a phone is not found inside a card; with the
#: number of digits below which a text cannot hold one.
_RULES: tuple[tuple[int, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (12, _NIR, _nir),
    (13, _LOOSE_NIR, _loose_nir),
    (13, _CARD_GROUPS, _card),
    (7, _PHONE, _phone),
    (13, _CARD, _odd_card),
    (9, _BARE_PHONE, r"\1[TÉLÉPHONE]"),
    (3, _PLATE_FNI, _plate_fni),
    (3, _PLATE_SIV, _plate_siv),
    (4, _IPV4, _ipv4),
)
#: Digits with at most a dozen other characters between them; an identifier stands within such a cluster.
_CLUSTER = re.compile(r"\d(?:\D{0,12}\d)*")
_FEWEST_DIGITS = 3
_MARGIN_BEFORE, _MARGIN_AFTER = 30, 12
_IBAN_MINIMUM = 8
#: Never touched: our pseudonyms, and identifiers that a machine has drawn, whose digits may look like a phone.
_OPAQUE = re.compile(
    r"(\bp_[0-9a-f]{32}\b|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?=[0-9]*[a-f])[0-9a-f]{40,64}\b)"
)
_OPAQUE_DIGITS = 6
_AT_WORDS = (
    "@",
    "＠",
    "﹫",
    "arobas",
    "arrobas",
    "(a",
    "[a",
    "{a",
    "<a",
    "( a",
    "[ a",
    "(chez",
    " at ",
    " dot ",
    " point ",
    "(A",
    "[A",
    " AT ",
    "AROBAS",
    "Arobas",
)


def mask_identifiers(text: str) -> str:
    """Replace mail and IP addresses, phones, IBAN, cards, NIR and plates by their marks."""
    if any(word in text for word in _AT_WORDS):
        text = _mask_mails(text)
    windows = _windows(text)
    if any(digits >= _OPAQUE_DIGITS for _, _, digits in windows) and _OPAQUE.search(text):
        parts = _OPAQUE.split(text)
        parts[::2] = [_mask_windows(part, _windows(part)) for part in parts[::2]]
        text = "".join(parts)
    else:
        text = _mask_windows(text, windows)
    if text.count(":") > 1:
        text = _IPV6.sub(_ipv6, text)
    return text


def _windows(text: str) -> list[tuple[int, int, int]]:
    """Return where digits are dense enough for an identifier, with their context and number."""
    windows: list[tuple[int, int, int]] = []
    for found in _CLUSTER.finditer(text):
        digits = sum(map(str.isdecimal, found[0]))
        if digits < _FEWEST_DIGITS:
            continue
        start, end = max(0, found.start() - _MARGIN_BEFORE), found.end() + _MARGIN_AFTER
        if windows and start <= windows[-1][1]:
            start, _, before = windows.pop()
            digits += before
        windows.append((start, end, digits))
    return windows


def _mask_windows(text: str, windows: list[tuple[int, int, int]]) -> str:
    kept: list[str] = []
    position = 0
    for start, end, digits in windows:
        kept += [text[position:start], _mask_numbers(text[start:end], digits)]
        position = end
    return "".join(kept) + text[position:] if kept else text


def _mask_numbers(text: str, digits: int) -> str:
    if digits >= _IBAN_MINIMUM:
        text = _mask_ibans(text)
    for fewest, pattern, replacement in _RULES:
        if digits >= fewest:
            text = pattern.sub(replacement, text)
    return text
