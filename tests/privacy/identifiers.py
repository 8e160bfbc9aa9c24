"""Invented identifiers of persons in every spelling, for tests that look for them afterwards. Never asserts anything.

An identifier is random enough that finding one of its needles anywhere means that it leaked.
"""

import re
import string
from collections.abc import Callable
from random import Random
from typing import NamedTuple
from urllib.parse import quote

from hypothesis import strategies as st

#: Shorter strings than this may occur by chance.
SHORTEST_NEEDLE = 6


class Identifier(NamedTuple):
    """An identifier as somebody writes it.

    Attributes:
        kind: As in the marks of the redactor.
        text: The spelling.
        needles: What would be a leak wherever it stands; to be looked for without regard to case.
    """

    kind: str
    text: str
    needles: tuple[str, ...]


def _identifier(kind: str, text: str, *parts: str) -> Identifier:
    """Return an identifier that is looked for as written, with simple spaces, with none, and by its telling parts."""
    needles = {text, " ".join(text.split()), re.sub(r"[\W_]", "", text), *parts}
    return Identifier(kind, text, tuple(sorted(needle for needle in needles if len(needle) >= SHORTEST_NEEDLE)))


def _grouped(text: str, sizes: tuple[int, ...], separator: str) -> str:
    """Cut a text into groups; what is left over is the last one."""
    groups, at = [], 0
    for size in sizes:
        groups.append(text[at : at + size])
        at += size
    return separator.join(group for group in [*groups, text[at:]] if group)


def _characters(alphabet: str, count: int) -> st.SearchStrategy[str]:
    """Return texts that look random even where Hypothesis prefers simple ones: a run of zeros is found anywhere."""
    return st.integers(0, 1 << 32).map(
        lambda seed: "".join(Random(f"{alphabet} {count} {seed}").choices(alphabet, k=count))
    )


def _digits(count: int) -> st.SearchStrategy[str]:
    return _characters(string.digits, count)


def _letters(count: int, alphabet: str = "ABCDEFGHJKLMNPQRSTVWXYZ") -> st.SearchStrategy[str]:
    return _characters(alphabet, count)


_any_case = st.sampled_from([str, str.lower, str.upper])


@st.composite
def phones(draw: st.DrawFn) -> Identifier:
    """French mobile and landline numbers: national, +33, 0033, +33 (0), with every usual separator or none."""
    first, rest = draw(st.sampled_from("12345679")), draw(_digits(8))
    separator = draw(st.sampled_from(["", " ", ".", "-", "\u00a0", "\u202f"]))
    start = draw(st.sampled_from(["0", "+33", "0033", "+33 ", "0033 ", "+33 (0)", "(+33) "]))
    text = start + _grouped(first + rest, (1, 2, 2, 2), separator)
    return _identifier("TÉLÉPHONE", text, _grouped(rest, (2, 2, 2), separator), rest)


@st.composite
def mails(draw: st.DrawFn) -> Identifier:
    """Mail addresses: dots, hyphens, tags, digits, subdomains, any case, and the usual ways to hide the sign."""
    first, last = draw(_letters(5, string.ascii_lowercase)), draw(_letters(7, string.ascii_lowercase))
    local = draw(st.sampled_from(["{0}.{1}", "{0}-{1}", "{0}_{1}", "{0}{1}83", "{0}.{1}+avis"])).format(first, last)
    at = draw(st.sampled_from(["@", "@", "@", " @ ", "(at)", " [at] "]))
    domain = draw(st.sampled_from(["orange.fr", "gmail.com", "mail.exemple-asso.co.uk", "laposte.net", "proton.me"]))
    text = draw(_any_case)(local + at + domain)
    return _identifier("MAIL", text, local, last)


def _check_digits(country: str, account: str) -> str:
    """Return the two digits that make an IBAN true (ISO 13616)."""
    number = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    return f"{98 - int(number) % 97:02d}"


@st.composite
def ibans(draw: st.DrawFn) -> Identifier:
    """IBANs of France and its neighbours, true or mistyped, in groups of four or none, any case."""
    country, length = draw(st.sampled_from([("FR", 23), ("DE", 18), ("BE", 12), ("ES", 20), ("LU", 16)]))
    account = draw(_digits(length))
    check = draw(st.sampled_from([_check_digits(country, account), "00"]))
    separator = draw(st.sampled_from(["", " ", "-", "\u00a0"]))
    text = draw(_any_case)(_grouped(country + check + account, (4,) * 6, separator))
    return _identifier("IBAN", text, account)


def _luhn_digit(number: str) -> str:
    """Return the digit that makes a card number true (ISO/IEC 7812-1)."""
    doubled = [int(digit) * (2 - rank % 2) for rank, digit in enumerate(reversed(number))]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


@st.composite
def cards(draw: st.DrawFn) -> Identifier:
    """Card numbers of sixteen digits, true or mistyped, and of fifteen, with every usual separator or none."""
    prefix, length, groups = draw(st.sampled_from([("4", 16, (4, 4, 4)), ("51", 16, (4, 4, 4)), ("37", 15, (4, 6))]))
    number = prefix + draw(_digits(length - len(prefix) - 1))
    last = draw(st.sampled_from([_luhn_digit(number), str((int(_luhn_digit(number)) + 1) % 10)]))
    separator = draw(st.sampled_from(["", " ", "-", ".", "\u00a0"]))
    return _identifier("CARTE", _grouped(number + last, groups, separator), number)


@st.composite
def nirs(draw: st.DrawFn) -> Identifier:
    """Social security numbers: with key, with a wrong one, or without; Corsica; grouped or not."""
    sex, year = draw(st.sampled_from("12")), draw(st.integers(30, 99))
    month, departement = draw(st.integers(1, 12)), draw(st.sampled_from(["33", "59", "75", "2A", "2B", "99"]))
    serial = draw(_digits(6))
    body = f"{sex}{year:02d}{month:02d}{departement}{serial}"
    key = f"{97 - int(body.replace('2A', '19').replace('2B', '18')) % 97:02d}"
    end = draw(st.sampled_from([key, f"{(int(key) % 97) + 1:02d}", ""]))
    separator = draw(st.sampled_from(["", " ", ".", "-", "\u00a0"]))
    text = draw(_any_case)(_grouped(body + end, (1, 2, 2, 2, 3, 3), separator))
    return _identifier("NIR", text, body)


@st.composite
def plates(draw: st.DrawFn) -> Identifier:
    """Number plates since 2009: with hyphens, spaces or neither, any case; and older ones, in lower case with hyphens.

    None of them is something else to a reader: no vowels (`7516 et 13`), and between spaces no units (`7076 HZ 33`).
    """
    separator = draw(st.sampled_from(["-", " ", ""]))
    letters = _letters(2, "GJNPQSTVWXZ" if separator == " " else "BCDFGHJKLMNPQRSTVWXZ")
    if draw(st.booleans()):
        text = separator.join([draw(letters), draw(_digits(3)), draw(letters)])
        return _identifier("PLAQUE", draw(_any_case)(text))
    parts = ["7" + draw(_digits(3)), draw(letters), draw(st.sampled_from(["33", "59", "2A", "13", "971"]))]
    spell = draw(st.sampled_from([str, str.lower])) if separator == "-" else str
    return _identifier("PLAQUE", spell((separator or "-").join(parts)))


@st.composite
def ips(draw: st.DrawFn) -> Identifier:
    """Internet addresses, of both generations."""
    if draw(st.booleans()):
        octets = [draw(st.integers(11, 223)), *Random(draw(_digits(9))).choices(range(100, 256), k=3)]
        text = ".".join(map(str, octets))
        return Identifier("IP", text, (text,))
    groups = [draw(_letters(4, "123456789abcdef")) for _ in range(6)]
    text = draw(_any_case)(
        draw(st.sampled_from(["2001:db8:{}:{}:{}:{}:{}:{}", "2a01:{}:{}:{}:{}::{}"])).format(*groups)
    )
    return Identifier("IP", text, (text, ":".join(groups[:4])))


STRUCTURED: dict[str, Callable[[], st.SearchStrategy[Identifier]]] = {
    "TÉLÉPHONE": phones,
    "MAIL": mails,
    "IBAN": ibans,
    "CARTE": cards,
    "NIR": nirs,
    "PLAQUE": plates,
    "IP": ips,
}


def identifier(kind: str) -> st.SearchStrategy[Identifier]:
    """Return identifiers of one structured kind, in every spelling."""
    return STRUCTURED[kind]()


_WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
_ARABIC = str.maketrans({str(digit): chr(0x0660 + digit) for digit in range(10)})


def _every(character: str, text: str) -> str:
    """Put a character that is not seen between all others; none before a blank or after one."""
    return character.join(text)


#: Spellings that a reader takes for the plain one: markup, percent encoding, other digits, characters not seen.
DISGUISES: tuple[Callable[[str], str], ...] = (
    lambda text: "".join(f"&#{ord(letter)};" if not letter.isalnum() else letter for letter in text),
    lambda text: "".join(f"&#x{ord(letter):x};" for letter in text),
    lambda text: text.replace(" ", "&nbsp;").replace("@", "&commat;").replace(".", "&period;"),
    lambda text: text.replace("@", "&amp;#64;"),
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: text.translate(_WIDE),
    lambda text: text.translate(_ARABIC),
    lambda text: _every("\u200b", text),
    lambda text: _every("\u00ad", text),
    lambda text: _every("\u2060\ufeff", text),
)


@st.composite
def disguised(draw: st.DrawFn, plain: st.SearchStrategy[Identifier]) -> Identifier:
    """Identifiers behind one of `DISGUISES`; the plain spelling would be a leak as well."""
    found = draw(plain)
    text = draw(st.sampled_from(DISGUISES))(found.text)
    return Identifier(found.kind, text, (*found.needles, text))


@st.composite
def names(draw: st.DrawFn) -> Identifier:
    """Names of persons: compound and foreign ones, either order, any case, with and without a title."""
    first = draw(st.sampled_from(["Jean-Baptiste", "Hélène", "Fatoumata", "Thi Lan", "Mohamed", "Katarzyna", "José"]))
    rare = draw(_letters(1)) + draw(_letters(8, string.ascii_lowercase))
    last = draw(st.sampled_from(["{}", "Le {}", "de {}", "El {}", "Martin-{}", "O'{}"])).format(rare)
    order = draw(st.sampled_from(["{first} {last}", "{last} {first}", "{title} {last}", "{title} {first} {last}"]))
    title = draw(st.sampled_from(["M.", "Mme", "mr", "monsieur", "Madame", "adjudant", "l'adjudant-chef"]))
    return _identifier("NOM", draw(_any_case)(order.format(first=first, last=last, title=title)), rare)


@st.composite
def references(draw: st.DrawFn) -> Identifier:
    """What a platform calls a person or a conversation by: identifiers that are to become pseudonyms."""
    text = draw(_letters(4)) + draw(_digits(9)) + draw(_letters(5, string.ascii_lowercase))
    return Identifier("REFERENCE", text, (text,))


_SENTENCES = (
    "{}",
    "Rappelez-moi : {}.",
    "SCANDALEUX !!! IL A NOTÉ {} ET RIEN",
    "slt c encore moi ({}) svp repondez",
    "Bonjour,\nvoici ce que j'ai : {}\nCordialement",
    "M. l'adjudant a recopié « {} », à tort.",
    "mon numéro:{};le reste suit",
    "J'ai payé 1 250,50 € le 12/03/2025, {}, dossier 2025/001234",
)


@st.composite
def sentences(draw: st.DrawFn, *found: st.SearchStrategy[Identifier]) -> tuple[str, list[Identifier]]:
    """Return a text in which each of the given identifiers stands, and these."""
    drawn = [draw(strategy) for strategy in found]
    texts = [draw(st.sampled_from(_SENTENCES)).format(identifier.text) for identifier in drawn]
    return "\n".join(texts), drawn
