"""Social accounts: X over real HTTP, the other networks from files, and the list that says where each belongs."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from requests.adapters import HTTPAdapter

from core.errors import ExpectedFailure
from ingestion.connectors import social_accounts
from ingestion.connectors.social_accounts import directory
from ingestion.connectors.social_accounts.client import X
from ingestion.connectors.social_accounts.directory import Account
from ingestion.engine import quarantine
from ingestion.engine.loading import load
from sandbox.social_accounts import counts, drops, identifier
from tests.ingestion import conftest
from tests.ingestion.conftest import FIRST_TODAY

ACCOUNTS = "social_accounts"
TOKEN = "jeton-secret-du-test"
HEADER = "network,account,day,followers,following,posts,engagements"


@pytest.fixture
def network(sandbox, monkeypatch):
    """X's stand-in, on the day of the sandbox."""
    monkeypatch.setenv("CYBERIMPACT_SOCIAL_ACCOUNTS_X_TOKEN", TOKEN)
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    monkeypatch.setattr(social_accounts, "today", lambda: sandbox.today)
    return sandbox


ask = partial(conftest.ask, name="social_accounts")


def listen(monkeypatch):
    """Return the list to which every request will be added."""
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    return sent


def write(folder, *lines):
    file = folder / "releve.csv"
    file.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return file


# ---- X


def test_the_figures_are_those_of_x_and_a_second_load_writes_nothing(network, home):
    load(ACCOUNTS)
    user = httpx.get(
        f"{network.origin}/social_accounts/x/2/users/by",
        params={"usernames": "Gendarmerie_33", "user.fields": "public_metrics"},
        headers={"Authorization": "Bearer un"},
    ).json()["data"][0]
    metrics = user["public_metrics"]
    assert ask(
        home,
        "select followers, following, posts, listed, engagements from daily_metrics"
        f" where metric_key = 'x|Gendarmerie_33|{FIRST_TODAY}'",
    ) == [(*(metrics[f"{name}_count"] for name in ("followers", "following", "tweet", "listed")), None)]
    assert ask(home, "select account_id, handle from accounts where account_key = 'x|Gendarmerie_33'") == [
        (user["id"], "Gendarmerie_33")
    ]
    queries = [f"select * from {table} order by 1" for table in ("accounts", "daily_metrics")]
    before = [ask(home, query) for query in queries]
    report = load(ACCOUNTS)
    assert [report.total(f"rows_{outcome}") for outcome in ("new", "updated", "quarantined")] == [0, 0, 0]
    assert [ask(home, query) for query in queries] == before


def test_each_day_has_figures_of_its_own(network, home):
    load(ACCOUNTS)
    network.today = FIRST_TODAY + timedelta(days=1)
    report = load(ACCOUNTS)
    assert report.total("rows_new") == 103  # 101 départements but the closed one, and three national accounts
    assert ask(home, "select day, count(*) from daily_metrics group by 1 order by 1") == [
        ("2025-03-31", 103),
        ("2025-04-01", 103),
    ]


@pytest.mark.usefixtures("network")
def test_accounts_belong_to_a_departement_or_to_the_nation(home):
    load(ACCOUNTS)
    places = dict(ask(home, "select account_key, department_code from accounts"))
    assert places["x|Gendarmerie_2A"] == "2A"
    assert places["x|Gendarmerie_971"] == "971"
    assert places["x|Gendarmerie"] == places["youtube|gendarmerienationale"] == "gn"
    assert len({place for key, place in places.items() if key.startswith("x|")}) == 102


@pytest.mark.usefixtures("network")
def test_an_account_that_x_does_not_know_is_named_and_the_others_are_loaded(home, caplog):
    load(ACCOUNTS)
    assert "X does not know Gendarmerie_976; the other accounts are loaded." in caplog.text
    assert ask(home, "select handle, department_code from accounts where account_key = 'x|Gendarmerie_976'") == [
        (None, "976")
    ]


@pytest.mark.usefixtures("network")
def test_x_is_asked_for_a_hundred_at_most_and_the_token_is_no_part_of_an_address(monkeypatch):
    sent = listen(monkeypatch)
    load(ACCOUNTS)
    asked = [parse_qs(urlsplit(request.url).query)["usernames"][0].split(",") for request in sent]
    assert [len(names) for names in asked] == [100, 4]
    assert len({name for names in asked for name in names}) == 104
    assert {request.headers["Authorization"] for request in sent} == {f"Bearer {TOKEN}"}
    assert not any(TOKEN in request.url for request in sent)


@pytest.mark.usefixtures("network")
def test_an_account_declared_with_its_number_is_found_after_it_was_renamed():
    renamed = Account("x", "AncienNom", "33", id=identifier("Gendarmerie_33"))
    [(account, user)] = X().users([renamed])
    assert account is renamed
    assert user["username"] == "Gendarmerie_33"


@pytest.mark.usefixtures("network")
def test_a_list_of_which_x_knows_nothing_is_told():
    with pytest.raises(ExpectedFailure, match="x/2/users: X knows none of the 1 declared accounts"):
        X().users([Account("x", "PasUnCompte", "gn")])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unauthorized", "status 401.*CYBERIMPACT_SOCIAL_ACCOUNTS_X_TOKEN"),
        ("quota", "the quota of requests is used up"),
        ("renamed_column", "the required column followers .* is missing .*subscribers_count"),
        ("type_flip", "the column followers is not a whole number in all of 103 records"),
        ("nested_value", "the column 'followers_count' holds a dict"),
    ],
)
def test_a_fault_is_told_and_the_figures_stay(network, home, fault, said):
    load(ACCOUNTS)
    before = ask(home, "select * from daily_metrics order by 1")
    network.today = FIRST_TODAY + timedelta(days=1)
    network.fault(fault)
    with pytest.raises(ExpectedFailure, match=said) as failure:
        load(ACCOUNTS)
    assert TOKEN not in str(failure.value)
    assert ask(home, "select * from daily_metrics order by 1") == before


@pytest.mark.usefixtures("network")
def test_a_quota_that_is_renewed_late_is_told_with_its_time(monkeypatch):
    send = HTTPAdapter.send
    renewed = datetime(2031, 5, 4, 3, 2, tzinfo=UTC)

    def used_up(self, request, **options):
        response = send(self, request, **options)
        response.status_code = 429
        response.headers["x-rate-limit-reset"] = str(int(renewed.timestamp()))
        return response

    monkeypatch.setattr(HTTPAdapter, "send", used_up)
    with pytest.raises(ExpectedFailure, match="load again after 2031-05-04 03:02 UTC"):
        load(ACCOUNTS)


# ---- files


@pytest.mark.usefixtures("network")
def test_a_file_brings_the_other_networks_under_the_declared_names(home, tmp_path):
    file = write(
        tmp_path,
        "Facebook,gendarmerie_33,2025-03-30,148000,12,4021,310",
        "twitter,@Gendarmerie_33,30/03/2025,20211,148,1764,",
        "instagram,PasUnCompte,2025-03-30,5,5,5,5",
    )
    report = load(ACCOUNTS, file=file)
    assert ask(
        home, "select metric_key, followers, following, posts, engagements, listed from daily_metrics order by 1"
    ) == [
        ("facebook|Gendarmerie_33|2025-03-30", 148000, 12, 4021, 310, None),
        ("x|Gendarmerie_33|2025-03-30", 20211, 148, 1764, None, None),
    ]
    assert report.total("rows_quarantined") == 1
    [entry] = quarantine.entries(ACCOUNTS)
    assert (entry.field, entry.value) == ("account", "PasUnCompte")


def test_the_drops_of_the_sandbox_load_whole_and_agree_with_x(network, home, tmp_path):
    monday = date(2025, 3, 31)
    [(name, content)] = drops(17, monday)
    assert name == "social_accounts_2025-S1.csv"
    file = tmp_path / name
    file.write_bytes(content)
    report = load(ACCOUNTS, file=file)
    # 90 days of ten national accounts, and 13 Mondays of 101 départements on two networks but for one closed account.
    assert report.total("rows_new") == report.total("rows_read") == 90 * 10 + 13 * (2 * 101 - 1)
    network.today = monday
    assert load(ACCOUNTS).entities[1].rows_updated == 103, "X adds the lists, and contradicts nothing"
    followers, _, posts, engagements = counts(17, "x", "Gendarmerie_33", monday)
    found = "select followers, posts, engagements, listed is not null from daily_metrics"
    assert ask(home, f"{found} where metric_key = 'x|Gendarmerie_33|2025-03-31'") == [
        (followers, posts, engagements, True)
    ]


# ---- the list of accounts


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{network: myspace, account: Gendarmerie}", "line 2: it needs an account, and a network among x, facebook"),
        ("{network: x, account: Gendarmerie}", "line 2: its department must be the code of a département, or 'gn'"),
        ("{network: x, account: Gendarmerie_33}\n  - {network: x, account: gendarmerie_33}", "line 3: x .* twice"),
    ],
)
def test_a_wrong_entry_of_the_list_is_told(home, entry, said):
    home.config.mkdir()
    (home.config / "accounts.yml").write_text(f"accounts:\n  - {entry}\n", encoding="utf-8")
    with pytest.raises(ExpectedFailure, match=said):
        directory.accounts()


def test_every_declared_account_has_an_address():
    found = {account.url for account in directory.accounts()}
    assert len(found) == len(directory.accounts()) == 212
    assert "https://social.numerique.gouv.fr/@gendarmerie" in found
    assert "https://x.com/Gendarmerie_2B" in found
