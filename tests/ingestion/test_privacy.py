import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.folding import words
from ingestion.privacy import names_personal_datum, redact, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("écrire à jean.dupont+avis@exemple.fr merci", "écrire à [MAIL] merci"),
        ("jean.dupont (at) exemple.fr", "[MAIL]"),
        ("au 0612345678 ou 06 12 34 56 78", "au [TÉLÉPHONE] ou [TÉLÉPHONE]"),
        ("06.12.34.56.78 / 06-12-34-56-78", "[TÉLÉPHONE] / [TÉLÉPHONE]"),
        ("06/12/34/56/78", "[TÉLÉPHONE]"),
        ("+33 6 12 34 56 78, +33612345678", "[TÉLÉPHONE], [TÉLÉPHONE]"),
        ("0033 (0)6 12 34 56 78", "[TÉLÉPHONE]"),
        ("+33 (0)1 42 34 56 78", "[TÉLÉPHONE]"),
        ("+262 692 12 34 56", "[TÉLÉPHONE]"),
        ("FR76 3000 6000 0112 3456 7890 189 merci", "[IBAN] merci"),
        ("FR7630006000011234567890189", "[IBAN]"),
        ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
        ("carte 4970 1000 0000 0055 perdue", "carte [CARTE] perdue"),
        ("carte 4970100000000055", "carte [CARTE]"),
        ("n° 1 85 05 78 006 084 36", "n° [NIR]"),
        ("185057800608436", "[NIR]"),
        ("2 69 05 2A 588 157 80", "[NIR]"),
        ("garé AB-123-CD devant", "garé [PLAQUE] devant"),
        ("1234 AB 33", "[PLAQUE]"),
        ("depuis 192.168.1.254.", "depuis [IP]."),
        ("2001:db8::8a2e:370:7334", "[IP]"),
    ],
)
def test_a_structured_identifier_leaves_a_typed_mark(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "06/10/2022 15:07",
        "2022-10-06T15:07",
        "2904756",
        "hcxcV5NcXy",
        "33120",
        "12:30:45",
        "Brigade de gendarmerie",
        "version 3.11",
        "999.999.1.1",
    ],
)
def test_what_is_no_identifier_stays(text):
    assert redact(text) == text


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


@given(
    st.integers(1, 9),
    st.lists(st.integers(0, 99), min_size=4, max_size=4),
    st.sampled_from(["", " ", ".", "-", "/", "\u00a0"]),
    st.sampled_from(["0", "+33", "+33 ", "0033 ", "+33 (0)"]),
)
def test_no_spelling_of_a_french_phone_survives(operator, pairs, separator, prefix):
    phone = separator.join([f"{prefix}{operator}", *(f"{pair:02d}" for pair in pairs)])
    assert redact(f"joindre au {phone} svp") == "joindre au [TÉLÉPHONE] svp"


@given(st.from_regex(r"[a-z0-9.]{1,15}@[a-z0-9]{2,12}\.(fr|com|gouv\.fr)", fullmatch=True))
def test_no_mail_address_survives(address):
    assert "@" not in redact(f"<{address}>")


def test_a_running_text_is_replaced_by_its_length():
    assert shorten("Madame Durand m'a reçu avec beaucoup de patience, merci à elle et à son collègue.") == (
        "[TEXTE de 81 caractères]"
    )
    assert shorten("rappeler au 0612345678") == "rappeler au [TÉLÉPHONE]"


@pytest.mark.parametrize(
    ("label", "is_personal"),
    [
        ("Nom de famille", True),
        ("nomUsager", True),
        ("Prénom", True),
        ("E-mail de contact", True),
        ("courriel", True),
        ("Téléphone portable", True),
        ("pseudonyme_usager", True),
        ("ADRESSE", True),
        ("dénomination", False),
        ("Nombre de vues", False),
        ("Télétravail", False),
    ],
)
def test_a_column_name_that_announces_a_person_is_noticed(label, is_personal):
    assert names_personal_datum(words(label)) is is_personal
