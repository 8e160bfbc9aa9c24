"""The pages of one's alerts: what they keep, within the role, and a message that really leaves."""

from http import HTTPStatus
from uuid import uuid4

import pytest
from django.test import Client

from core.settings import Home
from operations import mail_subscriptions, subscriptions
from operations.acts import Author
from privacy import pseudonymise_account
from tests.handmade import write_copy
from tests.operations.mailserver import Mailbox, serving
from tests.web.test_actions import text_of

COPY = """
create schema reference;
create table reference.dim_territory as select * from (values
    ('FR-33', 'departement', 'Gironde'), ('FR-35', 'departement', 'Ille-et-Vilaine'),
    ('FR-BRE', 'region', 'Bretagne'), ('FR', 'nation', 'France')
) as rows(territory_code, territory_level, territory_name);
"""
ADDRESS = "permanence@gendarmerie.interieur.gouv.fr"
GIVEN = {
    "address": ADDRESS,
    "territories": ["FR-33"],
    "kinds": ["rumeur"],
    "minimum_severity": "3",
    "quiet_from": "22:00",
    "quiet_until": "06:30",
    "cap_per_hour": "6",
}
FILE = """
subscriptions:
- {recipient: permanence, role: veille, channel: webhook, address: $SECRET_HOOK, wants: [signals], kinds: [climatique]}
- {recipient: lettre, role: national, channel: mail, address: lettre@unite.example, wants: [digest]}
"""


@pytest.fixture(autouse=True)
def _settings(home: Home, tmp_path, monkeypatch) -> None:
    write_copy(home, COPY)
    file = tmp_path / "subscriptions.yml"
    file.write_text(FILE, "utf-8")
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(file))


@pytest.fixture
def officer(visit) -> Client:
    return visit("veille", "departement-FR-33", name="officier")


def kept(name: str = "officier") -> list:
    return mail_subscriptions.of_account(Author("veille", pseudonymise_account(name)))


def sent(client: Client, path: str = "/mes-alertes/nouveau", **changed):
    return client.post(path, {"form_id": str(uuid4()), **GIVEN, **changed})


def test_a_subscription_is_kept_changed_and_deleted(officer):
    assert "L'abonnement est enregistré." in text_of(officer.get(sent(officer)["Location"]))
    (one,) = subscriptions.declared("signals")[1:]
    assert (one.address, one.role, one.territories, one.kinds) == (
        ADDRESS,
        "departement-FR-33",
        frozenset({"FR-33"}),
        frozenset({"rumeur"}),
    )
    assert (one.minimum_severity, one.cap_per_hour, one.may_judge) == (3, 6, True)
    assert (f"{one.quiet_hours.begin}", f"{one.quiet_hours.end}") == ("22:00:00", "06:30:00")
    page = text_of(officer.get("/mes-alertes"))
    assert "<dd>Gironde</dd>" in page
    assert "de 22 h 00 à 06 h 30" in page

    address = f"/mes-alertes/{one.recipient}"
    shown = text_of(officer.get(address))
    assert 'value="22:00"' in shown
    assert f'value="{ADDRESS}"' in shown
    sent(officer, address, quiet_from="", quiet_until="", kinds=[], cap_per_hour="")
    (changed,) = subscriptions.declared("signals")[1:]
    assert (changed.recipient, changed.quiet_hours, changed.kinds, changed.cap_per_hour) == (
        one.recipient,
        None,
        frozenset(),
        None,
    )
    asked = text_of(officer.post("/mes-alertes", {"supprimer": one.recipient}))
    assert f"Supprimer l'abonnement de {ADDRESS} ?" in asked
    assert len(kept()) == 1, "it is asked first"
    answer = officer.post("/mes-alertes", {"confirmer": one.recipient}, follow=True)
    assert "L'abonnement est supprimé." in text_of(answer)
    assert kept() == []


def test_all_that_is_wrong_is_said_at_once_and_each_at_its_field(officer):
    page = text_of(sent(officer, address="moi@example.com", territories=[], quiet_until=""))
    for field in ("Adresse", "Territoires", "Heures calmes, à"):
        assert f">{field}</a> : " in page, field
    assert "Domaines admis" in page


def test_a_double_click_subscribes_once(officer):
    form_id = str(uuid4())
    assert [sent(officer, form_id=form_id).status_code for _ in range(2)] == [HTTPStatus.FOUND] * 2
    assert len(kept()) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"address": "moi@example.com"}, "n'est pas une adresse de service"),
        ({"address": ""}, "Donnez une adresse."),
        ({"territories": ["FR-35"]}, "FR-35"),
        ({"territories": []}, "Choisissez un territoire."),
        ({"kinds": ["nonsense"]}, "nonsense"),
        ({"minimum_severity": "9"}, "Gravité"),
        ({"quiet_until": ""}, "Donnez les deux heures, ou aucune."),
        ({"quiet_until": "25:00"}, "Heures calmes, à"),
        ({"cap_per_hour": "0"}, "Messages par heure"),
        ({"form_id": "x"}, "Rien n'est enregistré"),
    ],
)
def test_what_goes_beyond_the_role_or_makes_no_sense_is_told_and_not_kept(officer, changed, said):
    answer = sent(officer, **changed)
    assert answer.status_code == HTTPStatus.OK
    page = text_of(answer)
    assert "Rien n'est enregistré" in page
    assert said in page
    assert kept() == []


def test_who_sees_all_of_france_may_leave_the_territories_out_and_who_may_not_judge_gets_no_links(visit):
    sent(visit("national", name="officier"), territories=[])
    (one,) = kept()
    assert (one.territories, one.may_judge) == ((), False)


def test_a_subscription_is_of_its_account(officer, visit):
    sent(officer)
    (one,) = kept()
    other = visit("veille", "departement-FR-33", name="collegue")
    assert ADDRESS not in other.get("/mes-alertes").content.decode()
    assert other.get(f"/mes-alertes/{one.subscription_id}").status_code == HTTPStatus.NOT_FOUND
    assert sent(other, f"/mes-alertes/{one.subscription_id}").status_code == HTTPStatus.NOT_FOUND
    assert other.post("/mes-alertes", {"essai": one.subscription_id}).status_code == HTTPStatus.NOT_FOUND
    assert other.post("/mes-alertes", {"supprimer": one.subscription_id}).status_code == HTTPStatus.NOT_FOUND
    other.post("/mes-alertes", {"confirmer": one.subscription_id})
    assert len(kept()) == 1


def test_those_of_the_file_are_shown_to_their_role_without_address(officer, visit):
    page = text_of(officer.get("/mes-alertes"))
    assert "permanence (webhook)" in page
    assert "SECRET_HOOK" not in page
    assert "lettre (mail)" not in page
    assert "lettre (mail)" in text_of(visit("national").get("/mes-alertes"))


def test_a_message_to_try_a_subscription_really_leaves(officer, monkeypatch):
    sent(officer)
    (one,) = kept()
    mailbox = Mailbox()
    with serving(mailbox) as port:
        for name, value in {"HOST": "127.0.0.1", "PORT": str(port), "FROM": "alertes@unite.example"}.items():
            monkeypatch.setenv(f"CYBERIMPACT_SMTP_{name}", value)
        page = text_of(officer.post("/mes-alertes", {"essai": one.subscription_id}))
        assert f"Message d'essai envoyé à {ADDRESS}" in page
        (message,) = mailbox.messages
        assert message["To"] == ADDRESS

        mailbox.answer = "554 No"
        page = text_of(officer.post("/mes-alertes", {"essai": one.subscription_id}))
        assert "Le serveur de courrier n'a pas pris le message d'essai" in page
        assert "envoyé à" not in page
