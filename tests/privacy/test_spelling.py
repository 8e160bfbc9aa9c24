"""Identifiers in spellings that hide them: each is found, nothing of it is left, and a clean text stays as it is."""

import html
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import MARK, mask_identifiers, redact
from privacy.spelling import replace_as_seen, seen
from tests.privacy.identifiers import STRUCTURED, Identifier, disguised, identifier

SPELT = [
    ("06&nbsp;98&nbsp;76&nbsp;54&nbsp;32", "[TÉLÉPHONE]"),
    ("rappelez le 06&#32;98 76 54 32 svp", "rappelez le [TÉLÉPHONE] svp"),
    ("jean.dupont&#64;orange.fr", "[MAIL]"),
    ("jean.dupont&amp;#x40;orange.fr", "[MAIL]"),
    ("?de=jean.dupont%40orange.fr&a=1", "?de=[MAIL]&a=1"),
    ("jean.dupont%2540orange.fr", "[MAIL]"),
    ("０６ ９８ ７６ ５４ ３２", "[TÉLÉPHONE]"),
    ("٠٦ ٩٨ ٧٦ ٥٤ ٣٢", "[TÉLÉPHONE]"),
    ("⓿❻❾❽❼❻❺❹❸❷", "[TÉLÉPHONE]"),
    ("Voici : jean.du\u200bpont@ora\u00adnge.fr, merci", "Voici : [MAIL], merci"),
    ("2 85\u2060 05\u200b78 006 084 36", "[NIR]"),
    ("06(98)76(54)32", "[TÉLÉPHONE]"),
    ("06*98*76*54*32", "[TÉLÉPHONE]"),
    ("jdupont at orange dot fr", "[MAIL]"),
    ("jean.dupont a orange point fr", "[MAIL]"),
    ("je m'appelle 𝐌𝐚𝐫𝐢𝐞 𝐃𝐮𝐩𝐨𝐧𝐭 ❤️", "je m'appelle [NOM] ❤️"),
    (
        unicodedata.normalize("NFD", "Mme Le Goff, née le 12/03/1980"),
        "Mme [NOM], " + "ne\u0301e le [DATE DE NAISSANCE]",
    ),
]

CLEAN = [
    "Caf&eacute; &amp; th&eacute; : 50%de remise, 100%20",
    "Bonjour 👩\u200d👧 ❤️ merci\u2026 la m\u00e9t\u00e9o annonce 20\u202f%",
    "co\u00adop\u00e9\u00adra\u00adtion, \ufeffvoil\u00e0",
    unicodedata.normalize("NFD", "La prévôté a été très à l'écoute"),
    "Ｃ'est une arnaque",
    "https://service-public.fr/a?b=%C3%A9t%C3%A9",
]


@pytest.mark.parametrize(("text", "expected"), SPELT)
def test_an_identifier_is_found_however_it_is_spelt(text, expected):
    assert redact(text) == expected
    assert redact(expected) == expected


@pytest.mark.parametrize("text", CLEAN)
def test_a_clean_text_comes_back_byte_for_byte(text):
    assert redact(text) == text


@pytest.mark.parametrize("kind", STRUCTURED)
def test_a_disguise_hides_no_identifier(kind):
    left: list[tuple[str, str]] = []

    @settings(max_examples=150, database=None, derandomize=True, deadline=None)
    @given(found=disguised(identifier(kind)), before=st.sampled_from(["", "Voici : ", "né à Lyon, "]))
    def search(found: Identifier, before: str) -> None:
        redacted = redact(f"{before}{found.text}, merci d'avance")
        shown = seen(redacted).text.lower()
        if any(needle.lower() in each for needle in found.needles for each in (redacted.lower(), shown)):
            left.append((found.text, redacted))

    search()
    assert left == []


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_every_character_that_is_seen_has_its_place(text):
    as_seen = seen(text)
    assert len(as_seen.places) == len(as_seen.text)
    assert all(0 <= start < end <= len(text) for start, end in as_seen.places)
    assert list(as_seen.places) == sorted(as_seen.places)


_ODD_PIECES = st.sampled_from(
    ["&nbsp;", "&#64;", "&amp;", "%40", "%C3%A9", "\u200b", "\u00ad", "é", "e\u0301", "５", "٣", "a", " ", "x", "[NOM]"]
)


@given(st.lists(_ODD_PIECES, max_size=12).map("".join), st.data())
def test_what_is_found_is_replaced_where_it_was_written(text, data):
    """Any replacement on what is seen, mapped back, reads as the replacement itself."""
    as_seen = seen(text).text
    start = data.draw(st.integers(0, max(0, len(as_seen) - 1)))
    end = data.draw(st.integers(start, len(as_seen)))
    replaced = f"{as_seen[:start]}[MAIL]{as_seen[end:]}" if end > start else as_seen
    result = replace_as_seen(text, lambda _: replaced, MARK)
    if replaced == as_seen:
        assert result == text
    else:
        assert MARK.split(seen(result).text) == MARK.split(seen(replaced).text)


@settings(deadline=None)
@given(st.lists(_ODD_PIECES | st.text(max_size=8), max_size=10).map(" ".join))
def test_redacting_an_odd_text_twice_changes_nothing_more(text):
    once = redact(text)
    assert redact(once) == once


def test_column_names_and_messages_are_read_alike():
    mail = "jean.dupont@orange.fr"
    for text in (quote(mail), html.escape(mail).replace("@", "&commat;"), mail.replace("o", "o\u200b")):
        assert mask_identifiers(text) == "[MAIL]"
