"""Which places a text names, expected by hand. Sets written by somebody else give docs/signals.md its figures."""

import json
from pathlib import Path

import pytest

from analytics.signals.places import find

PARIS, GIRONDE, VAR = "FR-75C", "FR-33", "FR-83"


def named(text: str) -> set[str]:
    """Return communes by their code, and territories by theirs."""
    return {place.code if place.level == "commune" else place.territory_code for place in find(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Un incendie à Bordeaux cette nuit", {"33063"}),
        ("Accident grave au Havre, deux blessés", {"76351"}),
        ("gros bouchon a bordeaux ce matin", {"33063"}),
        ("st malo : la digue a cédé", {"35288"}),
        ("Gap : trois randonneurs égarés", {"05061"}),
        ("Orange (84) : vol au musée", {"84087", "FR-84"}),
        ("Habitants d'Orange, fermez vos volets", {"84087"}),
        ("Vols de cuivre en Gironde et dans le Var", {GIRONDE, VAR}),
        ("Gironde : un réseau démantelé", {GIRONDE}),
        ("Le Cher demande des renforts", {"FR-18"}),
        ("On a été cambriolés dans le 33", {GIRONDE}),
        ("Gendarmes du 83 au top", {VAR}),
        ("Encore des rodéos #Bordeaux", {"33063"}),
        ("Ils ont tout perdu #InondationsVar", {VAR}),
        ("#larochelle : la gare fermée", {"17300"}),
        ("@gendarmerie_33 merci pour votre aide", {GIRONDE}),
        ("@mairiedebordeaux que faites-vous ?", {"33063"}),
        ("Nouvelle-Calédonie : l'aéroport rouvre", {"FR-NC"}),
        ("De Lyon à Marseille, le même escroc", {"69123", "13055"}),
        ("La rue de Marseille à Bordeaux est barrée", {"33063"}),
    ],
)
def test_places_are_found(text: str, expected: set[str]) -> None:
    assert named(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Panne chez Orange, le réseau mobile est coupé",
        "nice to meet you",
        "Le piment d'Espelette me manque",
        "Deux tours de clé et c'est fermé",
        "Rendez-vous rue de Marseille à 18 h",
        "Le match de Lens est reporté",
        "Le capitaine Brest a pris ma plainte",
        "Le Lot déborde, prudence sur les quais",
        "Il est tombé dans la Mayenne",
        "Valence, en Espagne, sous les eaux",
        "Appelez le 17 ou le 112",
        "Rendez-vous le 33 euros par personne",
        "Le 12 novembre on défile",
        "Toulouse-Lautrec au musée",
        "",
    ],
)
def test_what_only_sounds_like_a_place_is_none(text: str) -> None:
    assert named(text) == set()


def test_a_name_of_several_communes_is_told_by_the_departement() -> None:
    assert named("Saint-Denis (93) : un incendie") == {"93066", "FR-93"}
    assert named("Saint-Denis, à La Réunion, un incendie") == {"97411", "FR-974"}


def test_a_name_without_a_far_greater_bearer_is_left_open() -> None:
    """There is one on La Réunion and one near Paris, as large: a wrong alert is worse than a national one."""
    assert named("Un incendie à Saint-Denis") == set()


def test_a_place_says_where_it_stands() -> None:
    (place,) = find("Feu à La Rochelle hier")
    assert (place.start, place.end, place.level, place.territory_code) == (6, 17, "commune", "FR-17")


#: The same place as a commune and as the territory that it fills.
ONE_COMMUNE = {"FR-75C": "75056", "FR-MF": "97801", "FR-BL": "97701"}


def test_on_texts_never_seen() -> None:
    """Texts of which 55 % name no place, annotated by somebody who had not read the method, and never used to mend it."""
    right = wrong = missed = 0
    with Path(__file__).with_name("places_holdout.jsonl").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            said = {*line["communes"], *line["departements"], *line["regions"]}
            expected, found = ({ONE_COMMUNE.get(code, code) for code in codes} for codes in (said, named(line["text"])))
            right += len(expected & found)
            wrong += len(found - expected)
            missed += len(expected - found)
    assert right / (right + wrong) >= 0.90, (right, wrong)
    assert right / (right + missed) >= 0.90, (right, missed)
