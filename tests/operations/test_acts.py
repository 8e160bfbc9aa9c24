"""Each act is recorded with its author; a form acts once; nobody overwrites what another has just decided."""

from dataclasses import replace
from datetime import time, timedelta
from uuid import uuid4

import pytest

from analytics.signals.topics import Topic
from core.clock import now
from core.errors import ExpectedFailure
from operations import acts, crises, drafts, mail, mail_subscriptions, models, subscriptions, topics, verdicts
from operations.acts import Author
from operations.alerts import writing
from operations.crises import ClosedCrisisError
from operations.mail_subscriptions import Sight, Wish
from operations.models import Act
from operations.verdicts import DecidedMeanwhile
from privacy import pseudonymise_account
from tests.analytics.signalling import FLOOD, other

pytestmark = pytest.mark.usefixtures("home")

OFFICER = Author("veille", pseudonymise_account("capitaine.dupont"))
COLLEAGUE = Author("departement-FR-27", pseudonymise_account("lieutenant.martin"))
WISH = Wish("permanence@gendarmerie.interieur.gouv.fr", territories=("FR-27",), quiet_hours=(time(22), time(6, 30)))
SIGHT = Sight(territories=("FR-27", "FR-76"))


@pytest.fixture
def crisis() -> models.Crisis:
    return opened()


def opened(form_id=None, title="Crue") -> models.Crisis:
    return crises.open_crisis(
        topics=["inondation"], territories=["FR-27"], title=title, kind=None, owner="team:veille", author=OFFICER,
        form_id=form_id,
    )  # fmt: skip


def recorded() -> list[tuple]:
    return list(Act.objects.values_list("role", "account", "kind", "object_kind", "object_id", "detail"))


# ---- verdicts


def test_who_saw_no_verdict_does_not_overwrite_one_that_came_meanwhile() -> None:
    first = verdicts.record(FLOOD, "confirmé", OFFICER, "Pont fermé")
    with pytest.raises(
        DecidedMeanwhile, match=r"le rôle « Cellule de veille » a rendu le verdict « confirmé » \(Pont fermé\), le"
    ) as told:
        verdicts.record(FLOOD, "écarté", COLLEAGUE, "Exercice")
    assert told.value.last == first
    assert [verdict.verdict for verdict in verdicts.given()] == ["confirmé"]
    second = verdicts.record(FLOOD, "écarté", COLLEAGUE, "Exercice", after=first.verdict_id)
    with pytest.raises(DecidedMeanwhile, match="« écarté »"):
        verdicts.record(FLOOD, "vu", OFFICER, after=first.verdict_id)
    assert verdicts.last(FLOOD.signal_id) == second
    assert recorded() == [
        ("veille", OFFICER.account, "verdict", "signal", FLOOD.signal_id, "confirmé : Pont fermé"),
        ("departement-FR-27", COLLEAGUE.account, "verdict", "signal", FLOOD.signal_id, "écarté : Exercice"),
    ]


def test_a_note_that_names_somebody_is_redacted_and_the_page_is_told() -> None:
    given = verdicts.record(FLOOD, "vu", OFFICER, "Appeler le 06 12 34 56 78")
    assert (given.note, given.was_redacted) == ("Appeler le [TÉLÉPHONE]", True)
    assert not verdicts.record(FLOOD, "vu", OFFICER, " Vu. ", after=given.verdict_id).was_redacted
    assert recorded()[0][-1] == "vu : Appeler le [TÉLÉPHONE]"


# ---- forms


def test_a_form_that_is_sent_twice_acts_once_and_answers_the_same() -> None:
    form = uuid4()
    crisis = opened(form)
    assert opened(form) == crisis
    chosen = crisis.crisis_id
    entry, again = (crises.note(chosen, "P", kind="fait", author=OFFICER, form_id=uuid) for uuid in [uuid4()] * 2)
    assert entry == again
    verdict, repeated = (verdicts.record(FLOOD, "vu", OFFICER, form_id=uuid) for uuid in [uuid4()] * 2)
    assert verdict == repeated
    closing = uuid4()
    assert crises.close(crisis.crisis_id, OFFICER, closing) == crises.close(crisis.crisis_id, OFFICER, closing)
    wish, same = (mail_subscriptions.subscribe(OFFICER, WISH, SIGHT, uuid) for uuid in [uuid4()] * 2)
    assert wish == same
    draft, kept = (drafts.save(OFFICER, {"titre": "Marché"}, form_id=uuid) for uuid in [uuid4()] * 2)
    assert draft == kept
    topic = Topic("crue", "Crue", "crue", "climatique", "team:veille")
    for form in [uuid4()] * 2:
        topics.add(topic, OFFICER, form)
    assert Act.objects.count() == len({"crise", "entrée", "verdict", "close", "abonnement", "brouillon", "thème"})


def test_a_form_that_says_something_else_is_refused_and_writes_nothing() -> None:
    form = uuid4()
    crisis = opened(form)
    crue = Topic("crue", "Crue", "crue", "climatique", "team:veille")
    for act, first, other_content in (
        (
            lambda content, form: crises.note(crisis.crisis_id, content, kind="fait", author=OFFICER, form_id=form),
            "A",
            "B",
        ),
        (lambda content, form: drafts.save(OFFICER, {"titre": content}, form_id=form), "Marché", "École"),
        (
            lambda content, form: mail_subscriptions.subscribe(OFFICER, content, SIGHT, form),
            WISH,
            replace(WISH, cap_per_hour=2),
        ),
        (lambda content, form: topics.add(content, OFFICER, form), crue, replace(crue, query="crue fleuve")),
    ):
        form = uuid4()
        act(first, form)
        before = Act.objects.count()
        with pytest.raises(acts.UsedFormError, match="avec un autre contenu"):
            act(other_content, form)
        act(first, form)
        assert Act.objects.count() == before, "the same content is answered with what it did"


def test_the_form_of_somebody_else_gives_nothing(crisis: models.Crisis) -> None:
    form = uuid4()
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER, form_id=form)
    with pytest.raises(ExpectedFailure, match="déjà servi"):
        crises.note(crisis.crisis_id, "Autre", kind="fait", author=COLLEAGUE, form_id=form)
    with pytest.raises(ExpectedFailure, match="déjà servi"):
        crises.close(crisis.crisis_id, OFFICER, form)
    assert len(crises.events(crisis)) == 1


def test_a_form_that_has_served_elsewhere_is_refused_in_words(crisis: models.Crisis) -> None:
    crue = Topic("crue", "Crue", "crue", "climatique", "team:veille")
    feu = Topic("feu", "Feu", "feu", "climatique", "team:veille")
    elsewhere = crises.open_crisis(
        topics=["incendie"], territories=["FR-76"], title="Feu", kind=None, owner="team:veille", author=OFFICER
    ).crisis_id
    here = crisis.crisis_id
    first, second = (mail_subscriptions.subscribe(OFFICER, WISH, SIGHT).subscription_id for _ in range(2))
    draft, other_draft = (drafts.save(OFFICER, {"titre": "Marché"}).draft_id for _ in range(2))
    for act, own, foreign in (
        (lambda on, form: crises.note(on, "Pont", kind="fait", author=OFFICER, form_id=form), here, elsewhere),
        (lambda on, form: crises.admit_wall(crises.find(on), "Salle", OFFICER, form), here, elsewhere),
        (lambda on, form: verdicts.record(on, "vu", OFFICER, form_id=form), FLOOD, other(7)),
        (lambda on, form: mail_subscriptions.change(on, OFFICER, WISH, SIGHT, form), first, second),
        (lambda on, form: drafts.save(OFFICER, {"titre": "x"}, draft_id=on, form_id=form), draft, other_draft),
        (lambda on, form: topics.add(on, OFFICER, form), crue, feu),
        (lambda on, form: topics.change(on, OFFICER, form), crue, feu),
        (lambda on, form: topics.end(on, OFFICER, form), "crue", "inondation"),
        (lambda on, form: crises.close(on, OFFICER, form), here, elsewhere),
    ):
        form = uuid4()
        act(own, form)
        before = Act.objects.count()
        with pytest.raises(ExpectedFailure, match="déjà servi à autre chose"):
            act(foreign, form)
        act(own, form)
        assert Act.objects.count() == before, "the second submit is answered, and does nothing"
    assert crises.find(elsewhere).is_open
    assert verdicts.last(other(7).signal_id) is None


def test_what_is_refused_records_no_act() -> None:
    with pytest.raises(ExpectedFailure):
        verdicts.record(FLOOD, "écarté", OFFICER)
    with pytest.raises(ExpectedFailure):
        crises.open_crisis(topics=[], territories=[], title="x", kind=None, owner="team:veille", author=OFFICER)
    assert recorded() == []


# ---- crises


def test_a_crisis_that_was_closed_meanwhile_takes_no_entry(crisis: models.Crisis) -> None:
    crises.close(crisis.crisis_id, COLLEAGUE)
    with pytest.raises(ClosedCrisisError, match="déjà close"):
        crises.note(crisis.crisis_id, "Trop tard", kind="fait", author=OFFICER)
    assert crises.events(crisis) == []


def test_a_page_asks_for_what_was_written_since(crisis: models.Crisis) -> None:
    first = crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=OFFICER)
    crises.note(crisis.crisis_id, "Appel au calme", kind="dit", author=COLLEAGUE, at=crisis.opened_at)
    assert [event.note for event in crises.events(crisis)] == ["Appel au calme", "Pont fermé"]
    assert [event.note for event in crises.events(crisis, since=first.number)] == ["Appel au calme"]


def test_a_title_with_a_number_in_it_is_redacted_and_the_page_is_told() -> None:
    crisis = opened(title="Crue, joindre le 06 12 34 56 78")
    assert (crisis.title, crisis.was_redacted) == ("Crue, joindre le [TÉLÉPHONE]", True)


def test_series_are_pinned_once_and_taken_off(crisis: models.Crisis) -> None:
    pinned = crises.pin(crisis, "thème", "inondation", "FR-27", OFFICER)
    assert crises.pin(crisis, "thème", "inondation", "FR-27", COLLEAGUE) == pinned
    crises.pin(crisis, "indicateur", "victims", "FR", OFFICER)
    assert [pin.code for pin in crises.pins(crisis)] == ["inondation", "victims"]
    for _ in range(2):
        crises.unpin(crisis, pinned.pk, COLLEAGUE)
    assert [pin.code for pin in crises.pins(crisis)] == ["victims"]
    with pytest.raises(ExpectedFailure, match="ne s'épingle pas"):
        crises.pin(crisis, "photo", "x", "FR", OFFICER)
    kinds = [act.kind for act in acts.on("crise", crisis.crisis_id)]
    assert kinds == ["crise ouverte", "série épinglée", "série épinglée", "série retirée"]


def test_a_screen_has_an_access_of_its_own_until_it_is_revoked(home, crisis: models.Crisis) -> None:
    access, token = crises.admit_wall(crisis, "Salle, mur nord", OFFICER)
    assert crises.wall_of(token).crisis == crisis
    assert crises.wall_of(token + "x") is crises.wall_of(access.sha256) is None
    assert token.encode() not in b"".join(file.read_bytes() for file in home.root.glob("operations.sqlite*"))
    for _ in range(2):
        crises.revoke_wall(access.access_id, COLLEAGUE)
    assert crises.wall_of(token) is None
    assert [wall.revoked_at is None for wall in crises.walls(crisis)] == [False]
    assert [act.kind for act in acts.on("crise", crisis.crisis_id)].count("écran révoqué") == 1


def test_a_screen_says_for_a_day_that_its_crisis_is_closed(crisis: models.Crisis) -> None:
    access, token = crises.admit_wall(crisis, "Salle", OFFICER)
    crises.close(crisis.crisis_id, OFFICER)
    assert crises.wall_of(token) == access
    with pytest.raises(ClosedCrisisError):
        crises.admit_wall(crisis, "Une autre", OFFICER)
    for age, shown in ((timedelta(hours=23), access), (timedelta(hours=25), None)):
        models.Crisis.objects.update(closed_at=now() - age)
        assert crises.wall_of(token) == shown


# ---- topics


def test_the_history_of_a_topic_says_who_changed_what() -> None:
    topic = Topic("crue", "Crue", "crue", "climatique", "team:veille")
    topics.add(topic, OFFICER)
    with pytest.raises(ExpectedFailure, match="existe déjà"):
        topics.add(topic, COLLEAGUE)
    topics.change(Topic("crue", "Crue", "crue inondation", "climatique", "team:veille", ("listening",)), COLLEAGUE)
    topics.end("crue", OFFICER)
    with pytest.raises(ExpectedFailure, match="Aucun thème"):
        topics.change(topic, OFFICER)
    assert [(act.role, act.kind, act.detail) for act in topics.history("crue")] == [
        ("veille", "thème ajouté", "Crue : crue"),
        (
            "departement-FR-27",
            "thème modifié",
            "requête : « crue » → « crue inondation » ; plateformes : « toutes » → « listening »",
        ),
        ("veille", "thème arrêté", None),
    ]
    [known] = [known for known in topics.listed() if known.topic.code == "crue"]
    assert (known.is_watched, known.is_operators) == (False, True)
    topics.add(topic, OFFICER)
    assert topics.find("crue").query == "crue"


# ---- subscriptions and drafts


def test_a_subscription_of_a_page_is_read_with_those_of_the_file() -> None:
    made = mail_subscriptions.subscribe(OFFICER, WISH, SIGHT)
    [declared] = subscriptions.declared("signals")
    assert (declared.channel, declared.destination(), declared.territories) == ("mail", WISH.address, {"FR-27"})
    assert declared.quiet_hours is not None
    assert declared.quiet_hours.begin == time(22)
    assert subscriptions.declared("digest") == subscriptions.of_file() == ()
    mail_subscriptions.change(made.subscription_id, OFFICER, Wish(WISH.address, ("FR-76",)), SIGHT)
    assert mail_subscriptions.of_account(OFFICER)[0].territories == ("FR-76",)
    with pytest.raises(ExpectedFailure, match="n'existe pas"):
        mail_subscriptions.change(made.subscription_id, COLLEAGUE, WISH, SIGHT)
    mail_subscriptions.remove(made.subscription_id, COLLEAGUE)
    assert len(subscriptions.declared()) == 1
    mail_subscriptions.remove(made.subscription_id, OFFICER)
    assert subscriptions.declared() == ()
    assert WISH.address not in str(recorded())


def test_only_who_may_judge_gets_links_of_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", "a key of thirty-two bytes at least.")
    alert = models.Alert(alert_id="a1", severity=3, subject="Crue", created_at=FLOOD.opened_at)
    for may_judge, links in ((False, set()), (True, {"vu", "confirmé", "écarté"})):
        row = mail_subscriptions.subscribe(OFFICER, WISH, Sight(("FR-27",), may_judge=may_judge))
        assert writing.notice_of(alert, FLOOD, subscriptions.of_page(row)).links.keys() == links


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("moi@gmail.com", ("FR-27",)), "pas une adresse de service"),
        (Wish("moi@sub.interieur.gouv.fr", ("FR-27",)), "pas une adresse de service"),
        (Wish("a@b@interieur.gouv.fr", ("FR-27",)), "pas une adresse de service"),
        (Wish("moi@interieur.gouv.fr,x@y.z", ("FR-27",)), "pas une adresse de service"),
        (Wish("moi@interieur.gouv.fr"), "ne voit pas toute la France"),
        (Wish("moi@interieur.gouv.fr", ("FR-27", "FR-33")), "ne voit pas FR-33"),
        (Wish("moi@interieur.gouv.fr", ("FR-27",), ("météo",)), "Genre inconnu : météo"),
        (Wish("moi@interieur.gouv.fr", ("FR-27",), minimum_severity=5), "de 1 à 4"),
        (Wish("moi@interieur.gouv.fr", ("FR-27",), cap_per_hour=0), "au moins un message"),
    ],
)
def test_a_wish_beyond_what_is_allowed_is_refused(wish: Wish, said: str) -> None:
    with pytest.raises(ExpectedFailure, match=said) as refused:
        mail_subscriptions.subscribe(OFFICER, wish, SIGHT)
    assert wish.address not in str(refused.value)
    assert models.MailSubscription.objects.count() == Act.objects.count() == 0


def test_the_domains_are_a_setting_and_the_test_message_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.setattr(mail, "send", sent.append)
    monkeypatch.setenv("CYBERIMPACT_MAIL_DOMAINS", "unite.example, Autre.example")
    made = mail_subscriptions.subscribe(OFFICER, Wish("p@autre.example"), Sight())
    mail_subscriptions.send_test(made.subscription_id, OFFICER)
    [message] = sent
    assert message["To"] == "p@autre.example"
    with pytest.raises(ExpectedFailure, match="n'existe pas"):
        mail_subscriptions.send_test(made.subscription_id, COLLEAGUE)
    with pytest.raises(ExpectedFailure, match="celui d'un compte"):
        mail_subscriptions.subscribe(Author("veille"), WISH, SIGHT)


def test_a_draft_is_its_authors_and_redacted() -> None:
    draft = drafts.save(OFFICER, {"titre": "Joindre le 06 12 34 56 78", "participants": 12})
    assert draft.content == {"titre": "Joindre le [TÉLÉPHONE]", "participants": 12}
    drafts.save(OFFICER, {"titre": "Marché"}, draft_id=draft.draft_id)
    assert [kept.content for kept in drafts.of_account(OFFICER)] == [{"titre": "Marché"}]
    assert drafts.of_account(COLLEAGUE) == []
    with pytest.raises(ExpectedFailure, match="n'existe pas"):
        drafts.save(COLLEAGUE, {"titre": "x"}, draft_id=draft.draft_id)
    drafts.delete(COLLEAGUE, draft.draft_id)
    assert drafts.find(OFFICER, draft.draft_id) == draft
    drafts.delete(OFFICER, draft.draft_id)
    assert drafts.of_account(OFFICER) == []
