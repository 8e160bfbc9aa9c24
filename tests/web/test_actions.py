"""The pages of prevention actions: who reads which, what they say, and what cannot be read."""

from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from uuid import uuid4

import duckdb
import pytest
from django.test import Client

from core.clock import today
from core.settings import Home
from ingestion.connectors.prevention_actions import open_file
from ingestion.connectors.prevention_actions.contract import ACTIONS
from ingestion.engine import drop_folder
from ingestion.engine.loading import load
from ingestion.platforms import platform
from operations import acts, drafts
from operations.acts import Author
from privacy import pseudonymise_account
from tests.handmade import write_copy
from tests.ingestion.reading import read_one

#: Gironde has an action that is over, with a measured effect, and one to come; Ille-et-Vilaine has one that runs.
COPY = """
create schema audit; create schema impact; create schema reference; create schema kpi;
create table audit.publication as select date '2026-03-01' as data_as_of;
create table reference.dim_territory as select * from (values
    ('FR-33', 'departement', 'Gironde', '33'), ('FR-35', 'departement', 'Ille-et-Vilaine', '35'),
    ('FR', 'nation', 'France', null)
) as rows(territory_code, territory_level, territory_name, departement_code);
create table kpi.kpi_catalogue as select * from (values
    ('pre_complaints', 'Pré-plaintes en ligne'), ('chat_contacts', 'Contacts de la brigade numérique')
) as rows(kpi_code, label);
create table impact.fct_action_effect as
    select
        action_id || '|k' as effect_key, action_id, started_on, started_on as ended_on, territory_code, territory_name,
        false as is_nationwide, 'Action de prévention' as action_kind, 'prevention_actions' as platform,
        action_type, null::bigint as items, theme, 'Seniors' as audience, 4.0 as working_hours, 'k' as kpi_code,
        'Pré-plaintes' as kpi_label, false as is_share, true as is_proposed, 'week' as period_type,
        'probable' as certainty, 'Effet probable : baisse, −50 %, entre −60 % et −30 %.' as sentence,
        null::varchar as refusal, null::varchar as remedy, date '2025-12-22' as window_start,
        date '2026-01-18' as window_end, true as window_is_over, null::decimal(38, 6) as national_before,
        null::decimal(38, 6) as national_during, 40::decimal(38, 6) as counted, 80::decimal(38, 6) as expected,
        60 as band_low, 100 as band_high, 0.4 as sequential_low, 0.9 as sequential_high,
        -40::decimal(38, 6) as effect_cumulative, -60 as effect_low, -20 as effect_high, 2 as concluded_after,
        'rien ne montre que l''effet change' as course, 0.25 as false_alarms_in_time, 29 as donors
    from (values
        ('A33', date '2025-12-22', 'FR-33', 'Gironde', 'Stand ou forum', 'Cambriolages'),
        ('B35', date '{today}', 'FR-35', 'Ille-et-Vilaine', 'Intervention scolaire', 'Cyberharcèlement')
    ) as rows(action_id, started_on, territory_code, territory_name, action_type, theme);
insert into impact.fct_action_effect by name
    select
        'C33|' as effect_key, 'C33' as action_id, date '{tomorrow}' as started_on, date '{tomorrow}' as ended_on,
        'FR-33' as territory_code, 'Gironde' as territory_name, false as is_nationwide,
        'Action de prévention' as action_kind, 'Exercice de crise' as action_type, 'Rançongiciel' as theme,
        true as is_proposed, 'on ne peut pas conclure' as certainty,
        'On ne peut pas conclure. Trop tôt.' as sentence, 'Trop tôt.' as refusal, 'Attendez.' as remedy;
insert into impact.fct_action_effect by name
    select
        'N33|' as effect_key, 'N33' as action_id, date '2026-01-02' as started_on, date '2026-01-02' as ended_on,
        'FR-33' as territory_code, 'Gironde' as territory_name, false as is_nationwide,
        'Actualités Ma Sécurité' as action_kind, 4 as items, true as is_proposed,
        'on ne peut pas conclure' as certainty, 'On ne peut pas conclure. Rare.' as sentence, 'Rare.' as refusal,
        'Attendez.' as remedy;
create table impact.fct_action_effect_period as
    select
        'A33' as action_id, 'k' as kpi_code, 'FR-33' as territory_code,
        date '2025-12-08' + 7 * i::int as period_start, i >= 2 as is_after,
        20 - 5 * (i >= 2)::int as counted, 20 as expected, case when i >= 2 then 15 end as band_low,
        case when i >= 2 then 25 end as band_high
    from range(6) as r(i);
"""


def publish(home: Home) -> None:
    write_copy(home, COPY.format(today=today(), tomorrow=today() + timedelta(days=1)))


@pytest.fixture
def _published(home: Home) -> None:
    publish(home)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


@pytest.mark.usefixtures("_published")
def test_the_list_has_the_actions_of_ones_territory_the_latest_first(visit):
    shown = text_of(visit("prevention", "departement-FR-33").get("/actions"))
    assert "2 actions publiées" in shown
    assert shown.index("Exercice de crise") < shown.index("Stand ou forum")
    assert "Effet probable : baisse, −50 %" in shown
    assert "Prévue" in shown
    assert "Terminée" in shown
    assert "Ille-et-Vilaine" not in shown
    assert "Actualités Ma Sécurité (4" not in shown


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("?etat=prevue&nature=Action+de+prévention", {"C33"}),
        ("?etat=en-cours", {"B35"}),
        ("?etat=terminee", {"A33", "N33"}),
        ("?territoire=FR-35", {"B35"}),
        ("?theme=Cambriolages", {"A33"}),
        ("?nature=Actualités+Ma+Sécurité", {"N33"}),
        ("?etat=nonsense&page=99&territoire=FR-99", {"A33", "B35", "C33", "N33"}),
    ],
)
def test_the_list_is_filtered_and_what_means_nothing_is_passed_over(visit, asked, found):
    shown = visit("national").get(f"/actions{asked}").content.decode()
    assert {name for name in ("A33", "B35", "C33", "N33") if f"/actions/{name}" in shown} == found


@pytest.mark.usefixtures("_published")
def test_the_page_of_an_action_has_its_sentence_its_picture_and_the_same_in_a_table(visit):
    shown = text_of(visit("departement-FR-33").get("/actions/A33"))
    assert "Effet probable : baisse, −50 %, entre −60 % et −30 %." in shown
    assert "Attendu sans l'action : 80, neuf fois sur dix entre 60 et 100." in shown
    assert '<polyline class="expected"' in shown
    assert '<th scope="row">22/12/2025</th><td>15</td><td>20, de 15 à 25</td>' in shown


@pytest.mark.usefixtures("_published")
def test_an_action_without_conclusion_says_what_would_allow_one(visit):
    shown = text_of(visit("national").get("/actions/C33"))
    assert "On ne peut pas conclure. Trop tôt." in shown
    assert "Pour pouvoir conclure : Attendez." in shown
    assert "<polyline" not in shown


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize("action_id", ["B35", "nope", "a/b"])
def test_an_action_outside_ones_right_is_answered_like_one_that_is_not(visit, action_id):
    answer = visit("departement-FR-33").get(f"/actions/{action_id}")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "Actions connues, les plus récentes d'abord : C33, N33, A33." in text_of(answer)
    assert "Ille-et-Vilaine" not in answer.content.decode()


@pytest.mark.usefixtures("_published")
def test_moving_hours_gives_each_change_with_its_interval(visit):
    """Both have lost 40 for 4 hours: 8 hours are 80, and both together 0 ± 57."""
    shown = text_of(visit("national").get("/actions/deplacer?heures=4&de=FR-33&vers=FR-35"))
    assert "Gironde : +40, intervalle à 90 % entre +20 et +60." in shown
    assert "Ensemble : 0, intervalle à 90 % entre −28,3 et +28,3. On ne peut pas conclure" in shown
    assert "Ce calcul suppose que l'effet est proportionnel aux heures" in shown


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("heures=x&de=FR-33&vers=FR-35", "Ce n'est pas un nombre d'heures."),
        ("heures=-1&de=FR-33&vers=FR-35", "supérieure ou égale à 0"),
        ("heures=nan&de=FR-33&vers=FR-35", "Ce n'est pas un nombre d'heures."),
        ("heures=2,5&de=FR-33&vers=FR-33", "Le départ et l'arrivée sont les mêmes."),
        ("heures=2,5&de=FR-33&vers=", "Choisissez un département."),
        ("heures=2,5&de=FR-33&vers=FR-99", "FR-99"),
    ],
)
def test_a_move_that_makes_no_sense_is_told_at_its_field(visit, asked, said):
    shown = text_of(visit("national").get(f"/actions/deplacer?{asked}"))
    assert said in shown
    assert "Ensemble" not in shown


@pytest.mark.usefixtures("_published")
def test_no_more_hours_move_than_an_effect_was_measured_of(visit):
    """Four hours in each: of five, nothing is known."""
    answer = visit("national").get("/actions/deplacer?heures=5&de=FR-33&vers=FR-35")
    shown = text_of(answer)
    assert "Pré-plaintes : dans Gironde, l'effet n'est mesuré que sur 4 heures de prévention" in shown
    assert "déplacez au plus 4 heures" in shown
    assert "Ensemble" not in shown
    assert "/superset/dashboard/impact/" in answer.content.decode()


@pytest.mark.usefixtures("_published")
def test_only_departements_with_a_measured_effect_are_offered(home, visit):
    with duckdb.connect(str(home.published / "daily" / "current" / "serving.duckdb")) as copy:
        copy.execute("delete from impact.fct_action_effect where action_id = 'B35'")
    shown = text_of(visit("national").get("/actions/deplacer"))
    assert "Un effet est mesuré dans 1 des départements" in shown


@pytest.mark.usefixtures("_published")
def test_one_departement_alone_gives_no_comparison(visit):
    shown = text_of(visit("departement-FR-33").get("/actions/deplacer"))
    assert "Un effet est mesuré dans 1 des départements que votre rôle lit" in shown


@pytest.mark.parametrize("path", ["/actions", "/actions/A33", "/actions/deplacer"])
def test_before_anything_is_published_a_page_says_so(visit, path):
    answer = visit("national").get(path)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Rien n'est encore publié" in text_of(answer)


GIVEN = {
    "titre": "Les faux colis expliqués aux seniors",
    "description": "Réunion.\nAvec un dépliant ; gratuit.",
    "type_action": "Conférence ou réunion publique",
    "theme": "Hameçonnage",
    "unite": "Brigade de gendarmerie d'Arcachon",
    "departement": "33",
    "date_debut": "2026-03-14",
    "heures": "2h30",
    "indicateurs_vises": ["pre_complaints"],
}


def sent(client, path: str = "/actions/nouvelle", act: str = "envoyer", **changed):
    return client.post(path, {"form_id": str(uuid4()), act: "1", **GIVEN, **changed})


def loaded(home: Home) -> list[dict]:
    """Return what the register makes of the files that wait, by the contract, as a load would read them."""
    found = []
    for path in drop_folder.waiting(home.drop / "prevention_actions"):
        for part in open_file(path).parts:
            for record in part.records:
                assert record.problem is None
                row = read_one(ACTIONS, record.values)
                assert isinstance(row, dict), row
                found.append(row)
    return found


@pytest.fixture
def officer(visit, _published) -> Client:
    return visit("prevention", "departement-FR-33", name="officier")


def test_what_is_sent_waits_as_a_file_of_the_register_and_is_kept_for_corrections(officer, home):
    answer = sent(officer)
    assert answer.status_code == HTTPStatus.FOUND
    (row,) = loaded(home)
    assert row["titre"] == "Les faux colis expliqués aux seniors"
    assert row["description"] == "Réunion. Avec un dépliant ; gratuit."
    assert (row["departement"], row["date_debut"], row["heures"]) == ("33", "2026-03-14", Decimal("2.5"))
    assert row["indicateurs_vises"] == "pre_complaints"
    page = text_of(officer.get(answer["Location"]))
    assert f"identifiant {row['identifiant']}" in page
    assert "après la publication suivante" in page
    assert "pas encore publiée" in text_of(officer.get("/actions"))
    (act,) = acts.on("action", row["identifiant"])
    assert (act.role, act.kind) == ("departement-FR-33", "action de prévention envoyée")
    assert act.account.startswith("c_")


def test_a_correction_keeps_the_key_and_takes_the_place_of_the_file_that_waits(officer, home):
    address = sent(officer)["Location"]
    (before,) = loaded(home)
    sent(officer, address, titre="Les faux colis", heures="3")
    (after,) = loaded(home)
    assert after["identifiant"] == before["identifiant"]
    assert (after["titre"], after["heures"]) == ("Les faux colis", 3)
    assert len(drafts.of_account(author_of_officer())) == 1


def author_of_officer() -> Author:
    return Author("departement-FR-33", pseudonymise_account("officier"))


def test_an_action_that_was_sent_is_withdrawn_and_brought_back(officer, home):
    address = sent(officer)["Location"]
    assert loaded(home)[0]["retrait"] is None
    officer.post(address, {"retirer": "1"})
    (row,) = loaded(home)
    assert (row["retrait"], row["titre"]) == ("Oui", GIVEN["titre"])
    assert "retirée du registre" in text_of(officer.get(address))
    assert "elle ne compte plus à partir de la prochaine publication" in text_of(officer.get("/actions"))
    assert [act.kind for act in acts.on("action", row["identifiant"])] == [
        "action de prévention envoyée",
        "action de prévention retirée",
    ]
    sent(officer, address)
    (row,) = loaded(home)
    assert row["retrait"] is None
    assert "Action envoyée au registre" in text_of(officer.get(address))


def test_a_load_takes_what_was_sent_and_withdrawn_like_any_file_of_the_register(officer, home):
    register, address = platform("prevention_actions"), sent(officer)["Location"]

    def load_what_waits() -> list[tuple]:
        (file,) = drop_folder.waiting(drop_folder.folder(register))
        assert load(register.name, file=file).total("rows_quarantined") == 0
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            return connection.execute("select titre, heures, retrait from raw_prevention_actions.actions").fetchall()

    assert load_what_waits() == [(GIVEN["titre"], Decimal("2.5"), None)]
    officer.post(address, {"retirer": "1"})
    assert load_what_waits() == [(GIVEN["titre"], Decimal("2.5"), "Oui")]


def test_a_double_click_sends_once(officer, home):
    form_id = str(uuid4())
    first, second = (sent(officer, form_id=form_id) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert len(loaded(home)) == 1
    assert len(drafts.of_account(author_of_officer())) == 1


def test_a_form_that_is_sent_again_with_another_content_says_so_and_keeps_it(officer, home):
    form_id = str(uuid4())
    sent(officer, form_id=form_id)
    said = text_of(sent(officer, form_id=form_id, titre="Un autre marché"))
    assert "Ce formulaire a déjà servi, avec un autre contenu" in said
    assert 'value="Un autre marché"' in said
    assert form_id not in said
    assert len(loaded(home)) == 1


def test_a_form_that_has_corrected_one_action_corrects_no_other(officer, home):
    one, other = (sent(officer, titre=titre)["Location"] for titre in ("Marché", "Collège"))
    form_id = str(uuid4())
    sent(officer, one, form_id=form_id, titre="Marché de Noël")
    refused = sent(officer, other, form_id=form_id, titre="Lycée")
    assert "Ce formulaire a déjà servi à autre chose" in text_of(refused)
    assert sent(officer, one, form_id=form_id, titre="Marché de Noël")["Location"] == one
    assert {row["titre"] for row in loaded(home)} == {"Marché de Noël", "Collège"}


def test_the_contract_is_asked_and_each_field_told(officer, home):
    answer = sent(officer, titre="", heures="-2", date_debut="2026-02-30", cout_euros="12 francs")
    assert answer.status_code == HTTPStatus.OK
    page = text_of(answer)
    assert "4 champs à corriger" in page
    assert '<a href="#id_titre">Titre</a> : Ce champ est obligatoire' in page
    assert "Cette valeur n'est pas un nombre d'heures (exemples : 3, 2,5, 2h30)." in page
    assert "Cette valeur n'est pas une date du calendrier (attendu : JJ/MM/AAAA)." in page
    assert "Cette valeur n'est pas un montant en euros" in page
    assert 'value="Brigade de gendarmerie d\'Arcachon"' in page
    assert loaded(home) == []
    assert "précède la date de début" in text_of(sent(officer, date_fin="2026-03-01"))


@pytest.mark.parametrize("departement", ["35", "", "99"])
def test_nobody_sends_an_action_of_a_territory_that_he_does_not_act_on(officer, home, departement):
    answer = sent(officer, departement=departement)
    assert answer.status_code == HTTPStatus.OK
    assert "1 champ à corriger" in text_of(answer)
    assert loaded(home) == []


@pytest.mark.usefixtures("_published")
def test_who_acts_everywhere_sends_an_action_of_the_whole_country(visit, home):
    national = visit("prevention")
    assert '<option value="" selected>Choisir</option>' in text_of(national.get("/actions/nouvelle"))
    page = text_of(sent(national, departement="", commune=""))
    assert "Choisissez un département, ou tout le pays." in page
    assert loaded(home) == [], "nothing says where"
    page = text_of(sent(national, departement="FR", commune="Bordeaux"))
    assert "Cette commune est ailleurs que le territoire choisi : Gironde." in page
    assert loaded(home) == []
    address = sent(national, departement="FR", commune="")["Location"]
    (row,) = loaded(home)
    assert row["departement"] is None
    assert '<option value="FR" selected>' in text_of(national.get(address))


def test_a_draft_may_be_unfinished_and_names_in_it_are_redacted_and_said(officer, home):
    title = "Appel de M. Jean Dupont au 06 12 34 56 78"
    address = sent(officer, act="enregistrer", titre=title, date_debut="")["Location"]
    page = text_of(officer.get(address))
    assert "Dupont" not in page
    assert "06 12" not in page
    assert "a été masqué dans : Titre" in page
    assert "checked" in page
    assert loaded(home) == []
    assert "Vos brouillons" in text_of(officer.get("/actions"))
    assert officer.post(address, {"supprimer": "1"})["Location"] == "/actions"
    assert officer.get(address).status_code == HTTPStatus.NOT_FOUND


def test_a_draft_is_of_its_account(officer, visit):
    address = sent(officer, act="enregistrer")["Location"]
    other = visit("prevention", "departement-FR-33", name="collegue")
    assert other.get(address).status_code == HTTPStatus.NOT_FOUND
    assert sent(other, address).status_code == HTTPStatus.NOT_FOUND
    other.post(address, {"supprimer": "1"})
    assert officer.get(address).status_code == HTTPStatus.OK


def test_who_acts_elsewhere_now_corrects_nothing_here(officer, visit, home):
    address = sent(officer)["Location"]
    moved = visit("prevention", "departement-FR-35", name="officier")
    assert sent(moved, address, departement="35").status_code == HTTPStatus.BAD_REQUEST
    (row,) = loaded(home)
    assert row["departement"] == "33"
