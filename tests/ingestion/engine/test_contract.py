import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExpectedFailure
from core.normalize_text import fold
from ingestion.connectors.services_publics_plus.contract import CONTRACT, EXPERIENCES, QUALITY_RESULTS, STRUCTURES
from ingestion.engine import contract
from ingestion.engine.contract import Rejection, choose_table
from tests.ingestion.reading import read_one

WHERE = "services_publics_plus, file x.csv"

GENERATIONS = {
    "export_2023": {
        "ID expérience": "2904756.0",
        "Etat expérience": "Traitées",
        "Statut de l'expérience": "Expérience avec réponse",
        "Date de publication": "06/10/2022 15:07",
        "Titre": "Un titre",
        "Ressenti usager": "Négatif",
        "Code INSEE Département usager": "6.0",
        "Pays": "France",
        "Intitulé Typologie 1": "Brigade de gendarmerie",
        "Pays Typologie  1": "France",
        "Intitulé structure  3": "Ma Gendarmerie",
        "Evaluation  réponse structure 1 par auteur": "pas utile",
        "Information/Explication": "Neutre",
        "Simplicité/Complexité": "Positif",
    },
    "csv_2022": {
        "id": "2904756",
        "etat_de_lexpérience": "Traitée",
        "ressenti_usager": "Négatif",
        "intitulé_typologie_1": "Brigade de gendarmerie",
        "tags_généraux_informationexplication": "Neutre",
        "tags_généraux_simplicitécomplexité": "Positif",
        "code_postal_usager": "6600",
        "ecrit_le": "",
        "date_de_publication": "06/10/2022",
        "date_de_premiere_réponse": "16/10/2022",
    },
    "csv_2021": {
        "id": "2904756",
        "etat_de_lexpérience": "Traitée",
        "ressenti_usager": "Négatif",
        "typologies": "Brigade de gendarmerie",
        "structure": "Brigade de Grasse",
        "code_postaux": "6600",
        "écrit_le": "01/10/2022",
        "date_de_publication": "06/10/2022",
        "date_de_1ere_réponse": "16/10/2022",
        "pseudonyme_usager": "Zoé",
    },
    "api": {
        "id_experience": "2904756",
        "titre": "Un titre",
        "ressenti_usager": "Négatif",
        "etat_experience": "Traitée",
        "date_de_publication": "2022-10-06",
        "date_de_premiere_reponse": "2022-10-16",
        "intitule_typologie_1": "Brigade de gendarmerie",
        "information_explication": "Neutre",
        "simplicite_complexite": "Positif",
        "code_postal_usager": "06600",
        "experiences_similaires": 3,
    },
}


def read(record, table=EXPERIENCES):
    return read_one(table, record, WHERE)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_header_generation_maps_to_the_one_contract(generation):
    record = GENERATIONS[generation]
    assert EXPERIENCES.understand(tuple(record), WHERE).generation == generation
    row = read(record)
    assert row["id_experience"] == "2904756"
    assert row["etat_experience"] == "Traitée"
    assert row["ressenti_usager"] == "Négatif"
    assert row["date_de_publication"][:10] == "2022-10-06"
    assert row["typologie_1"] == "Brigade de gendarmerie"


def test_fields_that_only_some_generations_have():
    assert read(GENERATIONS["export_2023"])["code_departement_usager"] == "06"
    assert read(GENERATIONS["export_2023"])["intitule_structure_3"] == "Ma Gendarmerie"
    assert read(GENERATIONS["export_2023"])["evaluation_reponse_auteur"] == "pas utile"
    for generation in ("csv_2022", "csv_2021", "api"):
        row = read(GENERATIONS[generation])
        assert row["code_postal_usager"] == "06600"
        assert row["date_de_premiere_reponse"] == "2022-10-16"
    assert "date_de_premiere_reponse" not in read(GENERATIONS["export_2023"])
    assert read(GENERATIONS["csv_2021"])["intitule_structure_1"] == "Brigade de Grasse"
    assert read(GENERATIONS["api"])["experiences_similaires"] == 3
    assert {read(GENERATIONS[g])["simplicite_complexite"] for g in ("export_2023", "csv_2022", "api")} == {"Positif"}


def test_the_header_of_the_structures_is_told_from_that_of_the_experiences():
    structures = ["Code SP+ de la structure", "Intitulé de la structure", "Actif", "INSEE Ville"]
    assert choose_table(CONTRACT, structures, WHERE) is STRUCTURES
    assert choose_table(CONTRACT, list(GENERATIONS["csv_2021"]), WHERE) is EXPERIENCES


def test_a_header_of_something_else_is_refused():
    with pytest.raises(ExpectedFailure, match=r"x\.csv: the header is not recognised .*a\|b"):
        choose_table(CONTRACT, ["a|b|c"], WHERE)


@pytest.mark.parametrize(
    "understand",
    [lambda line: choose_table(CONTRACT, line, WHERE), lambda line: EXPERIENCES.understand(line, WHERE)],
    ids=["no table knows it", "a column is missing"],
)
def test_a_first_line_that_is_no_header_is_told_redacted(understand):
    with pytest.raises(ExpectedFailure) as failure:
        understand(("Sophie Marchal", "06 12 34 56 78", "sophie.marchal@exemple.fr"))
    assert [said for said in ("Marchal", "12 34 56", "exemple.fr") if said in str(failure.value)] == []


def test_a_missing_required_column_is_named_with_the_labels_that_would_do():
    record = {k: v for k, v in GENERATIONS["export_2023"].items() if k != "Ressenti usager"}
    with pytest.raises(ExpectedFailure, match=r"required column ressenti_usager .*accepted labels: Ressenti usager"):
        EXPERIENCES.understand(tuple(record), WHERE)


def test_one_of_the_two_states_is_enough_and_none_is_refused():
    record = dict(GENERATIONS["export_2023"])
    del record["Etat expérience"]
    assert read(record)["statut_experience"] == "Expérience avec réponse"
    del record["Statut de l'expérience"]
    with pytest.raises(ExpectedFailure, match="etat_experience or statut_experience"):
        EXPERIENCES.understand(tuple(record), WHERE)
    both_empty = GENERATIONS["export_2023"] | {"Etat expérience": "", "Statut de l'expérience": " "}
    assert isinstance(read(both_empty), Rejection)


def test_two_labels_of_one_field_are_refused():
    with pytest.raises(ExpectedFailure, match="'ecrit_le' and 'écrit_le' both mean 'ecrit_le'"):
        EXPERIENCES.understand((*GENERATIONS["csv_2022"], "écrit_le"), WHERE)


def test_an_unknown_column_is_kept_redacted_and_one_about_a_person_is_not():
    record = GENERATIONS["api"] | {
        "Canal": "appeler le 06 12 34 56 78",
        "Commentaire": "Monsieur Martin, de la brigade, a été d'une grande patience avec ma mère.",
        "Nom de l'agent": "Martin",
        "Détail": {"note": 4},
        "Vide": None,
    }
    header = EXPERIENCES.understand(tuple(record), WHERE)
    assert header.unknown == ("Canal", "Commentaire", "Détail", "Vide")
    assert header.dropped["Nom de l'agent"].endswith("announces a personal datum")
    assert json.loads(read(record)["colonnes_inconnues"]) == {
        "Canal": "appeler le [TÉLÉPHONE]",
        "Commentaire": "[TEXTE de 73 caractères]",
        "Détail": '{"note": 4}',
    }


def test_free_text_is_redacted_and_what_names_a_person_is_dropped():
    texts = {
        "Titre": "Merci Madame Durand",
        "Description": "Rappelez-moi au 06 12 34 56 78.",
        "réponses": "Cordialement, Jean Martin",
    }
    record = GENERATIONS["csv_2021"] | texts
    row = read(record)
    assert row["titre"] == "Merci Madame [NOM]"
    assert row["description"] == "Rappelez-moi au [TÉLÉPHONE]."
    assert row["reponse_structure_1"] == "Cordialement, [NOM]"
    assert set(EXPERIENCES.understand(tuple(record), WHERE).dropped) == {"pseudonyme_usager"}


@pytest.mark.parametrize("label", ["Réponse structure 2", "Réponse de la structure 2", "reponse_structure_2"])
def test_the_answer_of_each_structure_has_its_column(label):
    assert read(GENERATIONS["export_2023"] | {label: "Bonjour."})["reponse_structure_2"] == "Bonjour."


RESULT = {
    "Code SP+ de la structure": "3Tn8gzTdcz",
    "Intitulé de la typologie": "Brigade de gendarmerie",
    "Intitulé de la structure": "Brigade de Laon",
    "Code postal": "2000",
    "Ville": "LAON",
    "Code SP+ de l'indicateur": "IND-7",
    "Valeur": "87,5 %",
    "Fréquence": "Trimestrielle",
    "Date de mise à jour": "01/04/2025",
}


def test_a_quality_result_is_told_by_structure_indicator_day_and_frequency():
    assert choose_table(CONTRACT, tuple(RESULT), WHERE) is QUALITY_RESULTS
    row = read(RESULT, QUALITY_RESULTS)
    assert row["quality_result_id"] == "3Tn8gzTdcz|IND-7|2025-04-01|Trimestrielle"
    assert row["valeur"] == Decimal("87.5")
    assert row["code_postal"] == "02000"
    assert QUALITY_RESULTS.understand(tuple(RESULT), WHERE).generation == "csv"


@pytest.mark.parametrize(
    ("label", "value", "field"),
    [
        ("Valeur", "élevée", "valeur"),
        ("Date de mise à jour", "", "date_mise_a_jour"),
        ("Code postal", "2", "code_postal"),
    ],
)
def test_a_quality_result_that_breaks_the_contract_is_rejected(label, value, field):
    rejection = read(RESULT | {label: value}, QUALITY_RESULTS)
    assert isinstance(rejection, Rejection)
    assert rejection.field == field


@pytest.mark.parametrize(
    ("label", "value", "field", "reason"),
    [
        ("Date de publication", "31/02/2022", "date_de_publication", "calendar"),
        ("Date de publication", "", "date_de_publication", "empty"),
        ("Date de publication", "06/10/2049", "date_de_publication", "after the load"),
        ("Ressenti usager", "Mitigé", "ressenti_usager", "none of: Positif, Neutre, Négatif"),
        ("Code INSEE Département usager", "Nord", "code_departement_usager", "département"),
        ("Code Postal typologie 1", "33", "code_postal_typologie_1", "postal code"),
        ("ID expérience", "2.9E6", "id_experience", "rounded"),
    ],
)
def test_a_record_that_breaks_the_contract_is_rejected_with_field_and_reason(label, value, field, reason):
    rejection = read(GENERATIONS["export_2023"] | {label: value})
    assert isinstance(rejection, Rejection)
    assert rejection.field == field
    assert reason in rejection.reason


def test_the_value_of_a_rejection_is_redacted():
    rejection = read(GENERATIONS["api"] | {"date_de_publication": "appeler le 0612345678"})
    assert rejection.value == "appeler le [TÉLÉPHONE]"


def test_a_postal_code_of_another_country_is_not_taken_for_a_french_one():
    geneva = GENERATIONS["api"] | {"pays": "Suisse", "code_postal_usager": "1201"}
    assert read(geneva)["code_postal_usager"] is None
    laon = GENERATIONS["api"] | {"pays": "France", "code_postal_usager": "2000"}
    assert read(laon)["code_postal_usager"] == "02000"


@pytest.mark.parametrize("value", [["Positif"], {"libelle": "Positif"}, True])
def test_a_type_that_flips_is_refused_loudly(value):
    with pytest.raises(ExpectedFailure, match=r"'ressenti_usager' holds a .* where a text or a number is declared"):
        read(GENERATIONS["api"] | {"ressenti_usager": value})


def test_labels_are_unambiguous_and_every_column_is_described():
    for table in CONTRACT:
        labels = [fold(label) for f in table.fields for label in {fold(text): text for text in (f.name, *f.labels)}]
        labels += [fold(label) for group in table.dropped for label in group.labels]
        assert len(labels) == len(set(labels))
        assert all(f.description.endswith(".") for f in table.fields)
        assert table.key in table.field_names


@given(st.text())
def test_folding_twice_changes_nothing_more(label):
    assert fold(fold(label)) == fold(label)


@given(
    st.sampled_from([label for table in CONTRACT for f in table.fields for label in f.labels]),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.sampled_from(["  ", " ", "_", "\u00a0", "-"]),
    st.sampled_from(["'", "’"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_a_label_is_recognised_in_every_spelling(label, case, space, apostrophe, bom):
    spelled = bom + case(label).replace(" ", space).replace("'", apostrophe)
    assert fold(spelled) == fold(label)


def test_no_sender_fills_the_memory_with_names_of_fields(monkeypatch):
    monkeypatch.setattr(contract, "MOST_HEADERS", 10)
    known = tuple(field.name for field in EXPERIENCES.fields)
    for number in range(50):
        assert EXPERIENCES.understand((*known, f"field {number}"), WHERE).columns
    assert len(EXPERIENCES._headers) <= 10
