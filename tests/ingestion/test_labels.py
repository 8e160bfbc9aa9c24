"""Personal data where no text is expected: names of files and columns, identifiers, values of closed lists."""

import logging
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from ingestion.engine import quarantine
from ingestion.engine.columnar import checked_identifiers
from ingestion.engine.contract import Field
from ingestion.engine.loading import load
from ingestion.engine.parsers import code, published, term
from ingestion.engine.parsers import identifier as identifier_of_a_record
from privacy import is_personal, redact_label
from tests.ingestion import every_connector
from tests.ingestion.every_connector import NAMES
from tests.ingestion.reading import read_one
from tests.privacy.identifiers import STRUCTURED, Identifier, disguised, identifier

#: What no list of values and no identifier holds; a version may look like an address, a reference like a plate.
NEVER_LISTED = ("MAIL", "TÉLÉPHONE", "IBAN", "NIR", "CARTE")

FIELDS = [
    pytest.param(field, id=f"{name}.{table.name}.{field.name}")
    for name in NAMES
    for table in every_connector.contract(name)
    for field in table.fields
    if field.type == "text" and not field.filled_by_load and field.parse is not published
]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    every_connector.use_secrets(monkeypatch)


def drawn(kind: str, count: int = 6) -> list[Identifier]:
    found: list[Identifier] = []

    @settings(max_examples=count, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    @given(plain=identifier(kind), hidden=disguised(identifier(kind)))
    def keep(plain: Identifier, hidden: Identifier) -> None:
        found.extend([plain, hidden])

    keep()
    return found


PLANTED = [each for kind in NEVER_LISTED for each in drawn(kind)]


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_takes_an_identifier_of_a_person(field: Field):
    """What a field may not hold is masked, made a pseudonym, or refused."""
    left = []
    for planted in PLANTED:
        if field.parse in {identifier_of_a_record, code} and planted.text.isdecimal() and not is_personal(planted.text):
            continue  # a mistyped number without anything around it is as good as drawn
        try:
            kept = str(field.parse(" ".join(planted.text.split())))
        except ValueError:
            continue
        if any(needle.lower() in kept.lower() for needle in planted.needles):
            left.append((planted.text, kept))
    assert left == []


def test_what_is_published_is_named_so_on_purpose():
    """The fields that are taken as they are: those of institutions and public registers."""
    taken = {n for n in NAMES for t in every_connector.contract(n) for f in t.fields if f.parse is published}
    assert taken <= {"reference", "official_alerts", "social_accounts", "services_publics_plus"}


@pytest.mark.parametrize(
    "value",
    ["French Guiana", "French polynesia", "Saint-Martin", "Marie-Galante", "Île Maurice", "Safari 17.1.2.3", "fr-FR",
     "Brigade de Saint-André", "Mobile Phone", "Réseaux sociaux", "98735 - Polynésie", "org.jdma:12"],
)  # fmt: skip
def test_a_value_of_a_list_is_never_read_as_running_text(value):
    assert term(value) == value


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("2904756", False), ("1234567890123456789", False), ("tw-1790000000000000001", False),
     ("gp:AOqpTOE9xYz_12", False),
     ("5e4d3c2b1a0f9e8d7c6b5a49", False), ("550e8400-e29b-41d4-a716-446655440000", False),
     ("press-article-0001", False),
     ("jean.dupont", True), ("Jean_Dupont", True), ("0698765432", True), ("33698765432", True),
     ("185057800608491", True), ("jean.dupont@exemple.fr", True), ("jean.dupont%40exemple.fr", True),
     ("https://x.com/zedexe/status/12", True), ("4970100000000055", True), ("FR7630006000011234567890189", True)],
)  # fmt: skip
def test_an_identifier_of_a_person_becomes_a_pseudonym(value, is_one):
    import pyarrow as pa

    assert is_personal(value) is is_one
    kept = identifier_of_a_record(value)
    assert kept.startswith("p_") if is_one else kept == value
    assert checked_identifiers(pa.array([value, None])).to_pylist() == [kept, None]


@pytest.mark.parametrize(
    ("label", "shown"),
    [("DUPONT_Jean_2025.csv", "[NOM]_2025.csv"), ("relevé_06_98_76_54_32.xlsx", "relevé_[TÉLÉPHONE].xlsx"),
     ("jean_dupont@orange.fr_x.csv", "[MAIL]"), ("Nom_de_Jean_Dupont", "Nom_de_[NOM]"),
     ("Avis_Pré-plainte en ligne_2025-01-01_12-30-00.csv",) * 2, ("export_20250131123000.csv",) * 2,
     ("volumes_2025-01-01_2025-02-01.csv",) * 2, ("remarque_inattendue",) * 2],
)  # fmt: skip
def test_the_name_of_a_file_or_column_is_redacted(label, shown):
    assert redact_label(label) == shown
    assert redact_label(shown) == shown


def test_the_labels_of_the_contracts_are_no_persons():
    labels = {
        label for n in NAMES for t in every_connector.contract(n) for f in t.fields for label in (f.name, *f.labels)
    }
    assert {label for label in labels if redact_label(label) != label} == set()


def test_rows_that_redaction_makes_alike_stay_apart():
    """Two addresses of pages that differ in a mail only are two rows, and the key reveals neither."""
    from ingestion.connectors.audience.contract import PAGES_VISITS

    page = {"tool": "matomo", "site": "s", "month": "2025-01", "visits": "3", "sum_visit_length": "9"}
    pages = [page | {"url": f"https://exemple.fr/{mail}"} for mail in ("a.martin@x.fr", "b.durand@x.fr")]
    rows = [read_one(PAGES_VISITS, each) for each in pages]
    assert {row["page"] for row in rows} == {"https://exemple.fr/[MAIL]"}
    assert len({row["audience_key"] for row in rows}) == len(pages)
    assert not any(name in str(rows) for name in ("martin", "durand"))


@pytest.mark.parametrize("kind", ["TÉLÉPHONE", "MAIL", "NOM"])
def test_no_name_of_a_file_or_column_is_left_behind(kind, tmp_path, monkeypatch, caplog, capsys):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "home"))
    planted, needles = {
        "TÉLÉPHONE": ("06 98 76 54 32", ["98 76 54", "98765432", "98_76_54"]),
        "MAIL": ("jean.dupont@orange.fr", ["jean.dupont", "dupont@"]),
        "NOM": ("Mme Kowalskavitch", ["kowalskavitch"]),
    }[kind]
    file = tmp_path / f"releve_{planted.replace(' ', '_')}.csv"
    header = (
        "ID expérience;Etat expérience;Date de publication;Ressenti usager;Intitulé structure 1;Nom de {0};Suivi {0}"
    )
    rows = ["{0};Traitée;06/10/2022 15:07;Positif;Brigade de {0};x;y", "2;Traitée;{0};Positif;;x;y"]
    file.write_text("\n".join([header, *rows]).format(planted), encoding="utf-8")
    report = load("services_publics_plus", file=file)
    assert report.total("rows_new") == 1
    assert len(quarantine.entries("services_publics_plus")) == 1
    said = "\n".join([caplog.text, *capsys.readouterr(), repr(report), report.summary()]).lower()
    assert every_connector.leaks([("report", said), *every_connector.remains(Path(tmp_path / "home"))], needles) == []


assert set(NEVER_LISTED) < set(STRUCTURED)
