"""Contract of the Gendarmerie's own accounts on social networks.

These accounts speak for an institution: their names and figures are no personal data. Nothing about those who follow
them is ever asked.
"""

from ingestion.connectors.social_accounts.directory import NETWORKS, Account, known
from ingestion.engine.contract import (
    GENERATION,
    UNKNOWN_COLUMNS,
    Dropped,
    Field,
    Generation,
    NotAfterLoad,
    RejectedError,
    Row,
    Table,
)
from ingestion.engine.parsers import choice, count, day, identifier, published, utc_time

network = choice(
    {
        "x": ("twitter",),
        "facebook": (),
        "instagram": (),
        "youtube": (),
        "linkedin": (),
        "tiktok": (),
        "bluesky": (),
        "mastodon": (),
    }
)


def _declared(row: Row) -> Account:
    """Return the account of a row as it is declared.

    Raises:
        RejectedError: it is not declared.
    """
    found = known(row["network"], row["account"])
    if found is None:
        raise RejectedError("account", "is not declared in config/accounts.yml", row["account"])
    return found


def _declared_name(row: Row) -> Row:
    return {**row, "account": _declared(row).account}


def _declared_place(row: Row) -> Row:
    """Return a row with the declared place of its account, which an export of figures may lack."""
    found = _declared(row)
    return {**row, "account": found.account, "department_code": found.department}


_NETWORK = Field(
    "network", f"One of: {', '.join(NETWORKS)}.", ("réseau",), parse=network, required=True, nullable=False
)
_ACCOUNT = Field(
    "account",
    "Name of the account as it is declared, without @; on Mastodon it looks like a mail address.",
    ("compte",),
    published,
    required=True,
    nullable=False,
)

ACCOUNTS = Table(
    name="accounts",
    key="account_key",
    key_parts=("network", "account"),
    description="An account of the Gendarmerie on a social network, and where it belongs.",
    fields=(
        Field("account_key", "Network and account.", nullable=False, filled_by_load=True),
        _NETWORK,
        _ACCOUNT,
        Field("account_id", "Number of the account on its network, where the network gives it.", ("id",), identifier),
        Field("handle", "Name of the account today, where the network gives it.", ("username",), published),
        Field("name", "Displayed name, where the network gives it.", parse=published),
        Field("url", "Public address.", parse=published, required=True),
        Field(
            "department_code",
            "INSEE code of the département; 'gn' for a national account.",
            required=True,
            nullable=False,
        ),
        Field("created_at", "When the account was opened, where the network gives it.", (), utc_time, "timestamp"),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dropped=(Dropped(("verified",), "says whether the account pays or is official, which no figure needs"),),
    rule=_declared_name,
)

DAILY_METRICS = Table(
    name="daily_metrics",
    key="metric_key",
    key_parts=("network", "account", "day"),
    description="What an account counts at the end of a day, or at the time of reading for the day of reading.",
    fields=(
        Field("metric_key", "Network, account and day.", nullable=False, filled_by_load=True),
        _NETWORK,
        _ACCOUNT,
        Field("day", "Day in Paris, ISO 8601.", ("jour", "date"), day, required=True, nullable=False),
        Field(
            "followers", "Followers.", ("followers_count", "abonnés"), count, "bigint", required=True, nullable=False
        ),
        Field("following", "Accounts that it follows.", ("following_count", "abonnements"), count, "bigint"),
        Field("posts", "Posts since the account exists.", ("tweet_count", "publications"), count, "bigint"),
        Field("listed", "Lists that hold the account; X only.", ("listed_count",), count, "bigint"),
        Field("engagements", "Reactions, shares and comments of the day.", (), count, "bigint"),
        Field("department_code", "Code of the département where the account is declared.", filled_by_load=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="day",
    not_after_load=NotAfterLoad(("day",)),
    dropped=(Dropped(("like_count", "media_count"), "counts of X that no figure needs"),),
    generations=(
        Generation("csv", ("engagements",)),
        Generation("x_v2", ("followers_count", "tweet_count")),
    ),
    rule=_declared_place,
)

CONTRACT = (ACCOUNTS, DAILY_METRICS)
