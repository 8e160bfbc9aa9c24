"""What belongs to an installation: its own files win over the defaults, and an error names its line."""

import csv
import os

import pytest

from core.errors import ExpectedFailure
from core.settings import CHECKOUT
from ingestion import configuration
from ingestion.configuration import CHAT_CATEGORIES, DEFAULTS, SINCE, SITES
from ingestion.connectors.audience.sites import declared_sites
from ingestion.connectors.social_accounts.directory import known
from ingestion.engine.loading import load
from tests.ingestion.every_connector import ask

PLATFORM = "reference"


@pytest.fixture
def write(home):
    """Return a function that writes a file of the installation."""

    def into_config(name, text):
        home.config.mkdir(exist_ok=True)
        file = home.config / name
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(0, hash(text) % (1 << 50)))  # another content, another time: a test writes twice in a tick

    return into_config


def test_the_defaults_hold_where_there_is_nothing_else(home):
    assert not home.config.exists()
    assert all("the default" in configuration.check(name) for name in configuration.READERS)
    assert declared_sites()[0].name == "gendarmerie.interieur.gouv.fr"


def test_a_file_of_the_installation_wins(home, write):
    write(SITES, "sites:\n  - {name: a.fr, tool: piano, site_id: 7, since: 2026-01-01}\n")
    write("accounts.yml", "accounts:\n  - {network: x, account: Gendarmerie_33}\n")
    assert [site.name for site in declared_sites()] == ["a.fr"]
    assert known("x", "gendarmerie_06") is None
    assert known("x", "@GENDARMERIE_33").department == "33"
    write("accounts.yml", "accounts:\n  - {network: x, account: Gendarmerie_06}\n")
    assert known("x", "gendarmerie_06").department == "06", "a change is seen without a restart"
    assert configuration.check(SITES) == f"sites.yml: 1 entries, {home.config / SITES}"


SITE = "  - {name: a.fr, tool: piano, site_id: 1, since: 2026-01-01}\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (SITES, f"sites:\n{SITE}  - {{name: b}}\n", "line 3: its tool"),
        (SITES, f"sites:\n{SITE}{SITE}", "line 3: a.fr is declared twice"),
        (SITES, "sites:\n  - {name: a.fr, tool: piano, site_id: 1, since: soon}\n", "line 2: since must be a date"),
        (SITES, "sites: [\n", "line 2: it is not YAML"),
        (SITES, "pages: []\n", "line 1: it has no list 'sites'"),
        (SITES, "sites:\n  - a.fr\n", "line 2: an entry of the form"),
        (SINCE, "since:\n  - {platform: jdma, day: 2025-02-31}\n", "line 2: a value cannot be read"),
        (SINCE, "since:\n  - {platform: jdma}\n", "line 2: it needs a platform and a day"),
        (CHAT_CATEGORIES, "label;category\nHameçonnage;victime\nVol;vol\n", "line 3: its category is none of"),
        (CHAT_CATEGORIES, "label;category\nHameçonnage\n", "line 2: it must say label;category"),
        (CHAT_CATEGORIES, "Vol;victime\n\nVol;signalement\n", "line 3: its label has another category"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write, name, text, said):
    write(name, text)
    with pytest.raises(ExpectedFailure, match=f"Configuration, file {name}, {said}"):
        configuration.check(name)


def test_defaults_are_copied_once(home, write):
    write(SINCE, "since:\n  - {platform: jdma, day: 2026-02-01}\n")
    assert {path.name for path in configuration.copy_defaults(home.config)} == {*configuration.READERS} - {SINCE}
    assert configuration.copy_defaults(home.config) == []
    assert configuration.first_day("jdma").isoformat() == "2026-02-01"
    assert (home.config / SITES).read_bytes() == (DEFAULTS / SITES).read_bytes()
    with pytest.raises(ExpectedFailure, match="partoo has no entry"):
        configuration.first_day("partoo")


def test_the_default_categories_are_those_of_the_seed():
    with (CHECKOUT / "dbt_project/seeds/visibility/chat_motives.csv").open(encoding="utf-8", newline="") as file:
        seed = {row["motive"] or row["parent_motive"]: row["category"] for row in csv.DictReader(file)}
    seed.pop("", None)
    assert {label: category for label, category in configuration.chat_categories().items() if label in seed} == seed


@pytest.mark.usefixtures("home")
def test_a_mapping_of_the_chat_is_loaded_by_reference(tmp_path):
    file = tmp_path / "categories.csv"
    rows = ("Vol de vélo;victime", "Autre motif;signalement", "Vol de vélo;demande_info", "Vol;")
    file.write_text("\n".join(("label;category", *rows)) + "\n")
    report = load("reference", file=file)
    assert (report.total("rows_new"), report.total("rows_replaced"), report.total("rows_quarantined")) == (2, 1, 1)
    assert ask("reference", "select label, category from chat_category order by 1") == [
        ("Autre motif", "signalement"),
        ("Vol de vélo", "demande_info"),
    ]
