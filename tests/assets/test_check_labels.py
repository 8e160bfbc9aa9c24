"""What a check verifies, in French, from what dbt's manifest declares of it."""

import pytest

from assets.dbt import builds
from assets.dbt.check_labels import check_labels


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (
            "accepted_values_fct_experience_has_impossible_response__False__False",
            "valeurs admises de has_impossible_response dans fct_experience",
        ),
        ("unique_act_act_id", "act_id unique dans act"),
        (
            "unique_combination_archived_load_entity__day__source_load_id",
            "entity, day, source_load_id : combinaison unique dans archived_load",
        ),
        ("an_action_is_dated_within_the_calendar", "started_on de fct_action connu de dim_calendar"),
        ("kpi_is_sound_kpi_visits_", "cohérence de l'indicateur kpi_visits"),
        (
            "adds_up_kpi_prevention_audience_audience__channel__theme__ref_fct_prevention_action___sum_people_reached_",
            "kpi_prevention_audience fait le total de fct_prevention_action",
        ),
        ("feelings_add_up", "Positifs, neutres et négatifs font le total"),
        ("quarantine_is_empty", "aucun enregistrement en quarantaine"),
    ],
)
def test_a_check_says_what_it_verifies(name: str, label: str) -> None:
    assert check_labels(builds.manifest())[name] == label


def test_every_check_has_a_label_of_its_own() -> None:
    labels = check_labels(builds.manifest())
    assert {name for name, label in labels.items() if name == label} == set()
    assert len(set(labels.values())) == len(labels)
