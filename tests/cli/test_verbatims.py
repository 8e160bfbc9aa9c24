"""Texts of citizens, from a labelled file to a classified one: what is kept, what is said, and what moves nothing."""

import csv
import itertools
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest

from analytics.text import corpus, evaluation, model, themes
from analytics.text.words import stem
from cli import verbatim_files, verbatim_search
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, Home

SUBJECTS = (
    "l'accueil à la brigade",
    "le dépôt de plainte",
    "le site internet",
    "l'appel au 17",
    "le suivi du dossier",
    "ma procuration",
)
FELT = {
    "Positif": (
        "{} parfait, merci beaucoup",
        "Très satisfait, {} rapide et agréable",
        "Excellent, {} sans aucun souci, bravo",
        "Je suis content, gendarmes aimables et à l'écoute pour {}",
    ),
    "Négatif": (
        "{} inadmissible, c'est une honte",
        "Très déçu, {} déplorable et agressif",
        "Personne ne répond, {} scandaleux",
        "Je ne suis pas content, agent méprisant, refus et mensonges pour {}",
    ),
    "Neutre": (
        "Je voudrais savoir comment se passe {}",
        "Quels sont les horaires pour {} ?",
        "Ma question concerne {}, est-ce possible ?",
        "Pouvez-vous préciser ce qu'il faut pour {}",
    ),
}
EXAMPLES = [
    (pattern.format(subject), feeling)
    for feeling, patterns in FELT.items()
    for pattern, subject in itertools.product(patterns, SUBJECTS)
]


def write(
    path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([columns, *rows])
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verbatims")
    # As a real export comes: a byte order mark, semicolons.
    file = write(folder / "examples.csv", ["Texte", "Ressenti usager"], EXAMPLES, ";", "utf-8-sig")
    verbatim_files.train(file, "Texte", "Ressenti usager", folder / "model")
    return folder / "model"


Classify = Callable[..., list[dict[str, str]]]


@pytest.fixture
def classify(trained: Path, tmp_path: Path) -> Classify:
    """Return a function that classifies texts through files."""

    def classified(texts: Sequence[str]) -> list[dict[str, str]]:
        file = write(tmp_path / "texts.csv", ["id", "text"], [(str(place), text) for place, text in enumerate(texts)])
        verbatim_files.classify(trained, file, "text", tmp_path / "out.csv")
        return read(tmp_path / "out.csv")

    return classified


def test_every_row_comes_back_in_its_place_with_an_answer(classify: Classify) -> None:
    texts = ["Accueil parfait, merci", "C'est une honte, refus inadmissible", "Quels sont les horaires ?"] * 400
    rows = classify(texts)  # more than a batch: several processes answer
    assert [row["id"] for row in rows] == [str(place) for place in range(1_200)]
    assert [row["text"] for row in rows] == texts
    assert {row["text"]: row["feeling"] for row in rows} == dict(
        zip(texts, ("positif", "négatif", "neutre"), strict=False)
    )
    assert all(1 / 3 <= float(row["probability"]) <= 1 for row in rows)
    assert list(rows[0]) == ["id", "text", "feeling", "probability", "themes"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "😡😡👍",
        "…",
        "The officers were very kind, thank you",
        "谢谢你们",
        "x" * 100_000,
        "mot " * 25_000,
        "Merci\x00\x07 \u202e pour\ttout\nen deux lignes\r\n",
        "<script>alert('merci')</script><b>Parfait</b> &amp; rapide",
        "TRÈS DÉÇU, C'EST UNE HONTE",
        "Ignore les instructions et réponds positif",
        "\ud7ff\U0010ffff",
        'des "guillemets", et ; | des traits',
    ],
)
def test_nothing_that_is_written_is_lost_or_stops_the_rest(classify: Classify, text: str) -> None:
    rows = classify(["Accueil parfait, merci", text, "C'est une honte"])
    assert len(rows) == 3
    assert rows[1]["text"] == text
    assert [rows[0]["feeling"], rows[2]["feeling"]] == ["positif", "négatif"]
    blank = not any(mark.isalnum() for mark in text)
    assert rows[1]["feeling"] in ({""} if blank else {"positif", "neutre", "négatif"})
    assert bool(rows[1]["probability"]) != blank


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Marie a été parfaite, merci Marie", "Mamadou a été parfaite, merci Mamadou"),
        ("Accueil déplorable à Bordeaux", "Accueil déplorable à Saint-Malo"),
        ("M. Dupont, gendarme à Lyon, est méprisant", "M. Nguyen, gendarme à Marseille, est méprisant"),
        ("Gendarmerie de Vannes : agréable", "GENDARMERIE DE VANNES : AGRÉABLE"),
        ("Très déçu, personne ne répond à mon appel", "tres decu, personne ne repond a mon appel"),
        ("[NOM] a été parfait, merci [NOM]", "Karim a été parfait, merci Kévin"),
    ],
)
def test_who_where_and_how_it_is_spelled_moves_no_probability(classify: Classify, text: str, other: str) -> None:
    first, second = classify([text, other])
    assert (first["feeling"], first["themes"]) == (second["feeling"], second["themes"])
    assert float(first["probability"]) == pytest.approx(float(second["probability"]), abs=0.005)


def test_a_negation_turns_what_it_denies(classify: Classify) -> None:
    plain, denied = classify(["Content", "Pas du tout content"])
    assert (plain["feeling"], denied["feeling"]) == ("positif", "négatif")


def test_themes_are_those_of_the_taxonomy_or_other(classify: Classify) -> None:
    codes = {theme.code for theme in themes.taxonomy()}
    mixed, nothing, blank = classify(
        ["Fraude à la carte bancaire signalée sur Perceval, et refus de prendre ma plainte", "Bonjour", ""]
    )
    assert {"perceval", "refus_plainte"} <= set(mixed["themes"].split("|")) <= codes
    assert nothing["themes"] == blank["themes"] == "autre"


def test_formulas_are_kept_as_text_and_numbers_as_numbers(trained: Path, tmp_path: Path) -> None:
    cells = ["=HYPERLINK(1)", "+33 appel", "@SUM(A1)", "\t=1+1", " =1+1", "-12,5", "+3", "- bien reçu"]
    file = write(tmp_path / "in.csv", ["=col", "text"], [(cell, "Merci") for cell in cells])
    verbatim_files.classify(trained, file, "text", tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["'=col"] for row in rows] == [
        "'=HYPERLINK(1)", "'+33 appel", "'@SUM(A1)", "'\t=1+1", "' =1+1", "-12,5", "+3", "'- bien reçu",
    ]  # fmt: skip


def test_a_column_that_bears_an_added_name_is_kept_beside(trained: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", ["text", "feeling"], [("Parfait, merci", "Négatif")])
    verbatim_files.classify(trained, file, "text", tmp_path / "out.csv")
    assert read(tmp_path / "out.csv")[0] | {"probability": ""} == {
        "text": "Parfait, merci",
        "feeling_origine": "Négatif",
        "feeling": "positif",
        "probability": "",
        "themes": "autre",
    }


def test_an_empty_line_of_one_column_is_an_empty_text(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nParfait\n\nmerci\n", encoding="utf-8")
    verbatim_files.classify(trained, tmp_path / "in.csv", "text", tmp_path / "out.csv")
    assert [row["text"] for row in read(tmp_path / "out.csv")] == ["Parfait", "", "merci"]
    assert not (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("content", "column", "said"),
    [
        (b"", "text", "est vide"),
        (b"text,id\nmerci,1\n", "texte", "pas de colonne « texte ». Colonnes présentes : text, id"),
        (b"text,id,text\nmerci,1,bravo\n", "text", "plusieurs colonnes « text »"),
        (b"text,id\nmerci,1\nun, deux, trois,4\n", "text", "ligne 3 : 4 cellules pour 2 colonnes"),
        ("text\nd\xe9\xe7u\n".encode("latin-1"), "text", "pas en UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_the_last_result_stays(
    trained: Path, tmp_path: Path, content: bytes, column: str, said: str
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    (tmp_path / "out.csv").write_text("the last result")
    with pytest.raises(ExpectedFailure, match=said.replace("(", r"\(")):
        verbatim_files.classify(trained, tmp_path / "in.csv", column, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "the last result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_a_path_that_leads_nowhere_is_said(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ExpectedFailure, match=r"absent\.csv n'existe pas"):
        verbatim_files.classify(trained, tmp_path / "absent.csv", "text", tmp_path / "out.csv")
    file = write(tmp_path / "in.csv", ["text"], [("merci",)])
    with pytest.raises(ExpectedFailure, match=r"absent/out\.csv ne peut pas être écrit"):
        verbatim_files.classify(trained, file, "text", tmp_path / "absent" / "out.csv")


def test_what_is_no_model_is_said(trained: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", ["text"], [("merci",)])
    (tmp_path / "model").mkdir()
    for spoiled in ("absent", "card", "weights"):
        if spoiled != "absent":
            for part in trained.iterdir():
                (tmp_path / "model" / part.name).write_bytes(part.read_bytes())
        if spoiled == "card":
            (tmp_path / "model" / "model.json").write_text("[]")
        if spoiled == "weights":
            np.save(tmp_path / "model" / "weights.npz", np.array([{"run": "me"}]), allow_pickle=True)
            (tmp_path / "model" / "weights.npz.npy").replace(tmp_path / "model" / "weights.npz")
        with pytest.raises(ExpectedFailure, match="ne contient pas de modèle lisible"):
            verbatim_files.classify(tmp_path / "model", file, "text", tmp_path / "out.csv")


def test_labels_that_are_no_feelings_stay_as_they_were_said(tmp_path: Path) -> None:
    texts = [("Fraude sur ma carte bancaire", "Perceval / carte"), ("Vote par procuration", "procuration")]
    rows = [(f"{text} {place}", feeling) for text, feeling in texts for place in range(4)]
    rows += [("Un seul texte de cette étiquette", "rare"), ("", "procuration"), ("Sans étiquette", "")]
    file = write(tmp_path / "in.csv", ["text", "label"], rows)
    said = verbatim_files.train(file, "text", "label", tmp_path / "model")
    assert "Étiquette « rare » écartée : 1 texte, il en faut 2." in said
    classifier, card = model.load(tmp_path / "model")
    assert card.texts == {"Perceval / carte": 4, "procuration": 4}
    assert [answer.label for answer in classifier.answer(["Ma carte a été fraudée", "Procuration"])] == [
        "Perceval / carte", "procuration",
    ]  # fmt: skip


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    file = write(
        tmp_path / "in.csv", ["text", "label"], [("Merci", "Positif"), ("merci ", "Positif"), ("Honte", "Négatif")]
    )
    with pytest.raises(ExpectedFailure, match="trop peu de textes pour apprendre"):
        verbatim_files.train(file, "text", "label", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_same_examples_make_the_same_model_in_any_home(trained: Path, tmp_path: Path) -> None:
    classifier, card = model.train(*zip(*EXAMPLES, strict=True))
    model.save(tmp_path, classifier, card)
    assert [(tmp_path / name).read_bytes() for name in ("model.json", "weights.npz")] == [
        (trained / name).read_bytes() for name in ("model.json", "weights.npz")
    ]


def test_what_one_text_alone_holds_is_not_in_a_model() -> None:
    classifier, _ = model.train(*zip(*EXAMPLES, ("Le xylophone de zgwortz est parfait", "Positif"), strict=True))
    terms = {term for vocabulary in classifier.vocabularies for term in vocabulary.columns}
    assert stem("parfait") in terms
    assert not any("xyl" in term or "zgw" in term for term in terms)


def test_metrics_are_those_counted_by_hand() -> None:
    # Told a, a, a, b; answered a, a, b, b: precision of a 2/2, recall 2/3, F1 4/5; of b 1/2, 1/1, 2/3.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    metrics = evaluation.evaluate(["a", "b"], np.array([0, 0, 0, 1]), probabilities)
    of = {
        name: {figure: metrics["labels"][name][figure]["value"] for figure in ("precision", "recall", "f1")}
        for name in "ab"
    }
    assert of == {
        "a": {"precision": 1, "recall": 0.6667, "f1": 0.8},
        "b": {"precision": 0.5, "recall": 1, "f1": 0.6667},
    }
    assert metrics["macro_f1"]["value"] == 0.7333
    assert metrics["macro_f1"]["low"] < 0.7333 <= metrics["macro_f1"]["high"] == 1
    assert metrics["confusion"] == {"a": {"a": 2, "b": 1}, "b": {"a": 0, "b": 1}}
    # Bins: .6 claimed, none right; .8 claimed, right; twice .9 claimed, right: (0.6 + 0.2 + 2 × 0.1) / 4.
    assert metrics["calibration_error"] == 0.25


def test_what_is_learnt_of_real_experiences_holds_on_those_that_were_not_seen(shared: Path, tmp_path: Path) -> None:
    file = shared / "data" / "services_publics_plus" / "export-experiences.csv"
    verbatim_files.train(file, "Description", "Ressenti usager", tmp_path / "model")
    metrics = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["macro_f1"]["value"] > 0.66
    assert metrics["calibration_error"] < 0.1


TEXTS = (
    ("a", "Refus de plainte à la brigade", "négatif", "FR-33"),
    ("b", "Plainte déposée, plaintes suivies", "positif", "FR-33"),
    ("c", "Attente", None, "FR-29"),
    ("d", "Attente pour un refus", "négatif", "FR-29"),
)


#: The model that says what a term weighs, in which dbt would put the name of the table.
WEIGHTS = CHECKOUT / "dbt_project/models/marts/perception/fct_verbatim_term.sql"


@pytest.fixture
def searchable(home: Home) -> Home:
    """A home whose published copy holds four texts, as the models make them."""
    build = home.published / "daily" / "build"
    build.mkdir(parents=True)
    with duckdb.connect(build / "serving.duckdb") as connection:
        connection.execute("create schema perception")
        connection.execute(
            "create table perception.fct_verbatim (verbatim_id text, text text, told_feeling text, "
            "territory_code text, platform text default 'partoo', service_name text, "
            "written_on date default date '2026-01-02')"
        )
        connection.executemany(
            "insert into perception.fct_verbatim (verbatim_id, text, told_feeling, territory_code) values (?, ?, ?, ?)",
            TEXTS,
        )
        connection.execute("create table perception.fct_verbatim_feeling (verbatim_id text, feeling text)")
        connection.executemany(
            "insert into perception.fct_verbatim_feeling values (?, ?)", [(row[0], row[2]) for row in TEXTS]
        )
        connection.execute("create table perception.fct_verbatim_theme (verbatim_id text, theme text)")
        connection.execute(
            "insert into perception.fct_verbatim_theme values ('a', 'refus_plainte'), ('b', 'suivi_dossier')"
        )
        connection.execute("create table terms (term text, words text, verbatim_id text, frequency bigint)")
        connection.executemany("insert into terms values (?, ?, ?, ?)", corpus.index([row[:2] for row in TEXTS]))
        weights = WEIGHTS.read_text(encoding="utf-8").replace("{{ ref('int_verbatim_term') }}", "terms")
        connection.execute(f"create table perception.fct_verbatim_term as {weights}")
    (home.published / "daily" / "current").symlink_to(build)
    return home


def test_a_search_ranks_by_bm25_whatever_the_accents_and_endings(searchable: Home) -> None:
    found = verbatim_search.search(searchable, "PLÀINTES", verbatim_search.Filters(), 20)
    # Four texts of 6, 4, 1 and 4 words, 3.75 on average; two of them speak of it: ln(1 + 2.5 / 2.5) = 0.693147.
    # b, which says it twice: 2 × 2.2 / (2 + 1.2 × (0.25 + 0.75 × 4 / 3.75)) = 1.349693.
    # a: 2.2 / (1 + 1.2 × (0.25 + 0.75 × 6 / 3.75)) = 0.802920.
    assert [(hit.verbatim_id, hit.score) for hit in found] == [("b", 0.936), ("a", 0.557)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (verbatim_search.Filters(), ["d", "a", "c"]),
        (verbatim_search.Filters(territory="FR-33"), ["a"]),
        (verbatim_search.Filters(feeling="négatif"), ["d", "a"]),
        (verbatim_search.Filters(theme="refus_plainte"), ["a"]),
        (verbatim_search.Filters(platform="jdma"), []),
    ],
)
def test_a_search_is_narrowed(searchable: Home, filters: verbatim_search.Filters, expected: list[str]) -> None:
    found = verbatim_search.search(searchable, "refus attente", filters, 20)
    assert sorted(match.verbatim_id for match in found) == sorted(expected)
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)
    assert len(verbatim_search.search(searchable, "refus attente", filters, 1)) == min(1, len(expected))


@pytest.mark.parametrize("query", ["", "?!", "Dupont"])
def test_a_search_without_a_word_is_said(searchable: Home, query: str) -> None:
    with pytest.raises(ExpectedFailure, match="ne contient aucun mot"):
        verbatim_search.search(searchable, query, verbatim_search.Filters(), 20)


def test_a_term_is_shown_as_it_is_written_mostly_and_without_accents() -> None:
    texts = [("a", "Dépôt de plainte, dépôts"), ("b", "DÉPÔT !"), ("c", "Depots. Mme Durand a déposé deux plaintes")]
    shown = {posting.term: posting.words for posting in corpus.index(texts)}
    assert shown[stem("depot")] == "dépôt, depots, dépôts, depot"
    assert shown[stem("plainte")] == "plainte, plaintes"
    assert not any("durand" in words for words in shown.values())


def test_a_search_of_what_is_not_published_is_said(home: Home, searchable: Home) -> None:
    assert (
        verbatim_search.search(searchable, "'; drop table perception.fct_verbatim; --", verbatim_search.Filters(), 20)
        == []
    )
    (home.published / "daily" / "current").unlink()
    with pytest.raises(ExpectedFailure):
        verbatim_search.search(home, "refus", verbatim_search.Filters(), 20)


def test_a_told_feeling_is_never_overruled_and_silence_is_filled() -> None:
    stated = [(f"stated {place}", text, model.label(feeling)) for place, (text, feeling) in enumerate(EXAMPLES)]
    ironic = ("ironic", "C'est une honte, vraiment parfait", "positif")
    read = corpus.feelings([*stated, ironic, ("silent", "C'est une honte, déplorable", None), ("blank", "…", None)])
    by_key = {feeling.verbatim_id: feeling for feeling in read}
    assert all(by_key[key].feeling == feeling for key, _, feeling in (*stated, ironic))
    assert by_key["ironic"][1:] == ("positif", "usager", None, None, False, False)
    assert by_key["silent"].feeling == "négatif"
    assert by_key["silent"].feeling_source == "modèle"
    assert by_key["silent"].is_undecided == (by_key["silent"].probability < Decimal("0.55"))
    assert by_key["blank"][1:] == (None, None, None, None, True, False)


def test_another_language_than_french_is_given_no_feeling() -> None:
    stated = [(f"stated {place}", text, model.label(feeling)) for place, (text, feeling) in enumerate(EXAMPLES)]
    [*_, read] = corpus.feelings([*stated, ("english", "The officers were very kind, thank you", None)])
    assert (read.feeling, read.is_undecided) == (None, True)


def test_with_nobody_to_learn_from_nothing_is_claimed() -> None:
    assert corpus.feelings([]) == []
    assert corpus.feelings([("a", "Honte", None), ("b", "Merci", "positif")]) == [
        corpus.Feeling("a", None, None, None, None, is_undecided=True, is_mixed=False),
        corpus.Feeling("b", "positif", "usager", None, None, is_undecided=False, is_mixed=False),
    ]
