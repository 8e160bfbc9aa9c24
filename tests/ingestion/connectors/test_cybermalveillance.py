"""Drops of Cybermalveillance.gouv.fr: CSV and JSON alike, one spelling per threat, counts replaced by later ones."""

import json
from decimal import Decimal

import pytest

from core.errors import ExpectedFailure
from ingestion.connectors.cybermalveillance.contract import CATEGORIES, category
from ingestion.engine.loading import load
from sandbox.cybermalveillance import THREATS
from tests.ingestion.drops import UNTIL, ask, counts, delivered, loaded, rejections

CYBER = "cybermalveillance"
HEADER = (
    "date;public;categorie_menace;code_departement;nb_parcours;nb_mise_en_relation_prestataire;nb_tchat_fsi;"
    "nb_orientation_plainte;orientation;satisfaction_pct\n"
)
LINE = "2025-03-14;particulier;hameçonnage;33;12;0;3;1;conseil;92,8\n"

pytestmark = pytest.mark.usefixtures("home")


def test_a_count_is_loaded_under_what_it_is_for(exports):
    assert counts(loaded(CYBER, exports, "a.csv", HEADER + LINE)) == (1, 1, 0, 0, 0)
    assert ask(CYBER, "select case_key, nb_parcours, nb_tchat_fsi, satisfaction_pct from cases") == [
        ("2025-03-14|particulier|hameçonnage|33|conseil", 12, 3, Decimal("92.800000"))
    ]


@pytest.mark.parametrize("wrap", [lambda cases: cases, lambda cases: {"periode": "2025-03", "cas": cases}])
def test_json_says_the_same_as_csv(exports, wrap):
    loaded(CYBER, exports, "a.csv", HEADER + LINE)
    case = dict(zip(HEADER.strip().split(";"), LINE.strip().split(";"), strict=True))
    case |= {"nb_parcours": 12, "satisfaction_pct": 92.8, "public": "Particuliers", "categorie_menace": "Phishing"}
    assert counts(loaded(CYBER, exports, "a.json", json.dumps(wrap([case])))) == (1, 0, 0, 1, 0)


def test_a_later_drop_replaces_a_count(exports):
    loaded(CYBER, exports, "a.csv", HEADER + LINE)
    assert counts(loaded(CYBER, exports, "b.csv", HEADER + LINE.replace(";12;", ";15;"))) == (1, 0, 1, 0, 0)
    assert ask(CYBER, "select nb_parcours from cases") == [(15,)]


def test_an_unknown_place_or_outcome_is_a_count_of_its_own(exports):
    lines = LINE + LINE.replace(";33;", ";;") + LINE.replace(";conseil;", ";;")
    assert counts(loaded(CYBER, exports, "a.csv", HEADER + lines)) == (3, 3, 0, 0, 0)
    assert ask(CYBER, "select case_key from cases order by 1") == [
        ("2025-03-14|particulier|hameçonnage|33|",),
        ("2025-03-14|particulier|hameçonnage|33|conseil",),
        ("2025-03-14|particulier|hameçonnage||conseil",),
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("HAMECONNAGE", "hameçonnage"),
        ("Ransomware", "rançongiciel"),
        ("Fraude au virement / faux RIB", "fraude au virement"),
        ("Chantage à la webcam/sextorsion", "chantage à la webcam"),
        ("Fraude au faux président", "Fraude au faux président"),
        ("signalé par a.martin@exemple.fr", "signalé par [MAIL]"),
    ],
)
def test_spellings_of_a_threat_become_one_and_an_unknown_threat_stays(given, kept):
    assert category(given) == kept


def test_every_threat_of_the_stand_in_is_known():
    assert {category(name) for name, *_ in THREATS} == set(CATEGORIES)


def test_bad_rows_are_quarantined_and_the_others_load(exports):
    bad = [
        LINE.replace("2025-03-14", "31/02/2025"),
        LINE.replace("particulier", "touriste"),
        LINE.replace(";12;", ";-1;"),
        LINE.replace("92,8", "928"),
        LINE.replace(";conseil;", ";interpol;"),
        LINE.replace("hameçonnage", ""),
    ]
    assert counts(loaded(CYBER, exports, "a.csv", HEADER + LINE + "".join(bad))) == (7, 1, 0, 0, 6)
    assert [(line, field) for line, field, _ in rejections(CYBER)] == [
        (3, "date"),
        (4, "public"),
        (5, "nb_parcours"),
        (6, "satisfaction_pct"),
        (7, "orientation"),
        (8, "categorie_menace"),
    ]


def test_a_json_case_that_lacks_a_name_is_quarantined_alone(exports):
    case = dict(zip(HEADER.strip().split(";"), LINE.strip().split(";"), strict=True))
    lacking = {name: value for name, value in case.items() if name != "public"}
    assert counts(loaded(CYBER, exports, "a.json", json.dumps([case, lacking]))) == (2, 1, 0, 0, 1)
    assert rejections(CYBER) == [(2, "public", "is empty, and must not be")]


@pytest.mark.parametrize("document", ["{}", "[1, 2]", '{"a": [], "b": []}', '"cas"'])
def test_json_of_another_form_is_refused(exports, document):
    with pytest.raises(ExpectedFailure, match=r"file a\.json: the (?:document holds no list|header is not recognised)"):
        loaded(CYBER, exports, "a.json", document)


def test_a_remark_about_a_victim_is_not_kept(exports):
    report = loaded(CYBER, exports, "a.csv", HEADER.strip() + ";commentaire\n" + LINE.strip() + ";Mme Perrin\n")
    assert report.entities[0].dropped_columns == {
        "commentaire": "free text of a victim, which an aggregate must not hold"
    }


def test_the_stand_in_loads_whole_and_only_once_as_csv_and_as_json(exports):
    files = delivered(CYBER, exports, UNTIL.replace(month=8))
    assert [file.name for file in files] == ["17cyber_2025-S1.csv", "17cyber_2025-S2.json"]
    for file in files:
        read, new, *_, quarantined = counts(load(CYBER, file=file))
        assert (new, quarantined) == (read, 0)
        assert counts(load(CYBER, file=file)) == (read, 0, 0, read, 0)
    assert ask(CYBER, "select max(date), count(distinct categorie_menace) from cases") == [
        ("2025-08-31", len(CATEGORIES))
    ]
    [(share,)] = ask(CYBER, "select sum(nb_parcours) filter (public = 'particulier') / sum(nb_parcours) from cases")
    assert 0.92 < share < 0.96
