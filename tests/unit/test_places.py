"""A name is a place where what stands around it says so; communes of one name are told apart, or none is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.signals.places import find, territory


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Inondation à Marseille ce matin", ["FR-13"]),
        ("je suis à marseille", ["FR-13"]),
        ("J'ai appelé Orange, ma facture est fausse", []),
        ("Un accident à Orange (84)", ["FR-84"]),
        ("Vigilance orange dans le Var", ["FR-83"]),
        ("Je suis client Orange à Bordeaux", ["FR-33"]),
        ("Ils évacuent au Havre et aux Sables-d'Olonne", ["FR-76", "FR-85"]),
        ("Un havre de paix", []),
        ("rue de Marseille à Lyon", ["FR-69"]),
        ("Saint-Denis (974)", ["FR-974"]),
        ("Feu à Saint-Denis", []),
        ("Beaucoup de malades à St-Etienne", ["FR-42"]),
        ("Marie Toulouse a porté plainte", []),
        ("Nice journée à tous", []),
        ("À Nice, ça déborde", ["FR-06"]),
        ("Crue de la Loire à Nantes", ["FR-44"]),
        ("Le préfet de la Marne interdit", ["FR-51"]),
        ("feu de forêt en Gironde et dans les Landes", ["FR-33", "FR-40"]),
        ("bus de Valence (Drôme)", ["FR-26", "FR-26"]),
        ("Paris, Texas", []),
        ("L'Olympique de Marseille a gagné", []),
        ("#InondationsNice", ["FR-06"]),
        ("la réunion de ce soir", []),
        ("Cyclone à La Réunion", ["FR-974"]),
        ("Région Bretagne en alerte", ["FR-BRE"]),
        ("En Grande-Bretagne", []),
        ("La commune de Bonne organise", ["FR-74"]),
        ("Bonne nuit", []),
        ("Un appel au 06 12 34 56 78, [NOM] a disparu", []),
    ],
)
def test_the_words_around_tell_a_place(text: str, expected: list[str]) -> None:
    assert [place.territory_code for place in find(text)] == expected


def test_a_mention_lies_in_the_narrowest_place_that_comes_first() -> None:
    assert territory("En Bretagne, à Brest et à Rennes") == "FR-29"
    assert territory("En Bretagne") == "FR-BRE"
    assert territory("Rien de tel") is None


@given(st.text(alphabet=st.sampled_from("aàéLe SaintDnisr-'’.,()0134#\n«»"), max_size=80))
def test_places_lie_in_the_text_in_its_order(text: str) -> None:
    found = find(text)
    assert [place.start for place in found] == sorted(place.start for place in found)
    assert all(0 <= place.start < place.end <= len(text) for place in found)
