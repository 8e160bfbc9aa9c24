"""Contract of social listening, common to all vendors: mentions and their volumes."""

import hashlib
import re
from datetime import timedelta
from typing import Any

from core.normalize_text import fold
from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Generation, NotAfterLoad, Table
from ingestion.engine.parsers import (
    choice,
    count,
    departement_code,
    flag,
    free_text,
    pseudonym,
    redacted_text,
    utc_time,
)
from ingestion.engine.parsers import identifier as one_of_a_record

#: How long a vendor shows a mention, and the raw tables keep it.
SHOWN = timedelta(days=60)

NETWORKS = (
    "x",
    "facebook",
    "instagram",
    "tiktok",
    "youtube",
    "telegram",
    "web",
    "forum",
    "press",
    "bluesky",
    "mastodon",
)

#: What takes persons and tracking out of an address: the first that matches. An account is what stands in the path of a
#: network's address before the message; the message alone opens on X, YouTube and TikTok. Of an address that names a
#: person otherwise, the host is left. For Python and RE2 alike; those that match most come first.
ADDRESS_RULES = (
    (r"^https?://(?:[^/?#]*\.)?(?:x|twitter)\.com/[^/?#]+/status/(\d+)(?:[/?#].*)?$", r"https://x.com/i/status/\1"),
    # pages of a person, and not of a message: profiles, stories, channels without a message
    (r"^(https?://(?:[^/?#@]*\.)?(?:facebook|fb|instagram)\.com)/(?:people|public|stories|profile\.php)(?:[/?#].*)?$",
     r"\1/"),
    (r"^(https?://(?:[^/?#@]*\.)?t\.me)/s/[^/?#]+/?([^?#@]*)(?:[?#].*)?$", r"\1/-/\2"),
    (r"^(https?://(?:[^/?#@]*\.)?(?:facebook\.com|instagram\.com|t\.me))/[^/?#]+/([^?#@]+)(?:[?#].*)?$", r"\1/-/\2"),
    (r"^https?://(?:[^/?#]*\.)?youtube\.com/watch\?(?:[^#]*&)?v=([\w-]+).*$", r"https://youtu.be/\1"),
    (r"^(https?://(?:[^/?#@]*\.)?youtube\.com/(?:shorts|live|embed)/[\w-]+).*$", r"\1"),
    (r"^(https?://(?:[^/?#@]*\.)?linkedin\.com)/(?:posts/[^?#]*activity-|feed/update/urn:li:activity:)(\d+).*$",
     r"\1/feed/update/urn:li:activity:\2"),
    (r"^(https?://(?:[^/?#@]*\.)?reddit\.com)/(?:user|u)/[^/?#]+([^?#@]*)(?:[?#].*)?$", r"\1/-\2"),
    (r"^(https?://(?:[^/?#@]*\.)?(?:(?:x|twitter|youtube|linkedin|snapchat|vk)\.com|twitch\.tv|t\.me))/.*$", r"\1/"),
    (r"^(https?://(?:[^/?#@]*\.)?(?:instagram|facebook|threads)\.(?:com|net))/[^/?#]+/?(?:[?#].*)?$", r"\1/"),
    (r"^(https?://bsky\.app/profile)/[^/?#]+([^?#@]*)(?:[?#].*)?$", r"\1/-\2"),
    (r"^(https?://[^/?#@]+)/@[^/?#@]+(?:@[^/?#@]+)?([^?#@]*)(?:[?#].*)?$", r"\1/-\2"),
    (r"^(https?://[^/?#@]+)/users/[^/?#@]+([^?#@]*)(?:[?#].*)?$", r"\1/-\2"),
    (r"^(https?://[^/?#@]+)/[^?#]*(?:@|%40).*$", r"\1/"),
    (r"^(https?://)[^/?#]*@([^/?#@]+).*$", r"\1\2/"),
    (r"^(https?://[^?#]*).*$", r"\1"),
)  # fmt: skip
_ADDRESS_RULES = tuple((re.compile(pattern), replacement) for pattern, replacement in ADDRESS_RULES)

#: An address without these is right as it is.
_CONCERNED = (
    r"[?#@]|%40|/users/|//(?:[^/]*\.)?"
    r"(?:youtube|x|twitter|facebook|fb|instagram|threads|t|bsky|linkedin|reddit|snapchat|vk|twitch)\."
)

#: Vendors give a mark from -5 to 5, or a word; a word says no more than the sign.
SENTIMENTS = {
    "positive": 1,
    "positif": 1,
    "neutral": 0,
    "neutre": 0,
    "negative": -1,
    "negatif": -1,
}
WORST_SENTIMENT, BEST_SENTIMENT = -5, 5

network = choice(dict.fromkeys(NETWORKS, ()))


def identifier(address: Any) -> str | None:
    """Return the identifier of a mention whose vendor gives none: a hash of its whole address."""
    return hashlib.sha256(address.encode()).hexdigest()[:32] if isinstance(address, str) and address else None


def mention_address(value: str) -> str:
    """Return the address of a mention without account, query and fragment.

    Raises:
        ValueError: it is no web address.
    """
    if not re.match(r"https?://[^/]", value):
        raise ValueError("is not a web address")
    found = ((pattern.match(value), replacement) for pattern, replacement in _ADDRESS_RULES)
    return next(match.expand(replacement) for match, replacement in found if match)


def sentiment(value: str) -> int:
    """Return a sentiment from -5 to 5; of a word, the sign.

    Raises:
        ValueError: it is neither such a number nor a known word.
    """
    word = SENTIMENTS.get(fold(value))
    if word is not None:
        return word
    if not re.fullmatch(r"[+-]?[0-5](?:\.0+)?", value):
        raise ValueError(f"is neither a number from {WORST_SENTIMENT} to {BEST_SENTIMENT} nor a known word")
    return int(float(value))


def _counted(name: str, description: str) -> Field:
    return Field(name, description, parse=count, type="bigint")


MENTIONS = Table(
    name="mentions",
    key="mention_id",
    description="A message or article that a vendor found on a network, in the press or on the web (contract 3.3).",
    fields=(
        Field(
            "mention_id", "Identifier that the vendor gives it.", parse=one_of_a_record, required=True, nullable=False
        ),
        Field(
            "source_platform",
            f"Where it was published: {', '.join(NETWORKS)}.",
            parse=network,
            required=True,
            nullable=False,
        ),
        Field(
            "published_at", "When it was published.", parse=utc_time, type="timestamp", required=True, nullable=False
        ),
        Field("collected_at", "When the vendor found it.", parse=utc_time, type="timestamp"),
        Field("url", "Its address, without account, query and fragment.", parse=mention_address),
        Field("lang", "Language, ISO 639-1."),
        Field("title", "Its title, redacted.", parse=free_text),
        Field("text", "Its text, redacted; empty where the vendor may not pass it on.", parse=free_text),
        Field("author_id", "Pseudonym of the account.", parse=pseudonym),
        _counted("author_followers", "Followers of the account."),
        Field("author_verified", "Whether the network verified the account.", parse=flag, type="boolean"),
        Field("is_share", "Whether it shares another mention without a word of its own.", parse=flag, type="boolean"),
        Field("parent_id", "The mention that it shares or answers.", parse=one_of_a_record),
        _counted("likes", "Likes so far."),
        _counted("shares", "Shares so far."),
        _counted("comments", "Comments so far."),
        _counted("views", "Views so far."),
        _counted("engagement", "Reactions of all kinds so far, as the vendor adds them."),
        _counted("impressions_potential", "People who may have seen it: followers of those who posted or shared."),
        Field("sentiment", "From -5 to 5; of vendors that give a word, -1, 0 or 1.", parse=sentiment, type="bigint"),
        Field("topics", "Topics of the vendor's query that it matches, separated by semicolons."),
        Field("country", "Country of the source, ISO 3166-1, two letters."),
        Field("region", "Region of the source, as the vendor names it."),
        Field("department_code", "INSEE code of its département ('33', '2A').", parse=departement_code),
        Field("vendor", "Who found it."),
        Field("vendor_query", "The vendor's query or project, redacted.", parse=redacted_text),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="published_at",
    not_after_load=NotAfterLoad(("published_at",)),
    versioned_by="collected_at",
    dropped=(
        Dropped(("author_name", "author", "username", "screen_name"), "name of a person, which no figure needs"),
        Dropped(("author_url", "author_image_url"), "leads to a person, which no figure needs"),
    ),
    generations=(
        Generation("talkwalker", ("search_indexed",)),
        Generation("neutral", ("mention_id", "source_platform", "published_at")),
    ),
)

VOLUMES = Table(
    name="volumes",
    key="volume_id",
    key_parts=("vendor", "vendor_query", "bin_start", "bin_interval", "breakdown", "breakdown_value"),
    description="Mentions that a vendor counts in one hour, all of them or those of one value of a breakdown.",
    fields=(
        Field("volume_id", "Vendor, query, hour and breakdown.", nullable=False, filled_by_load=True),
        Field("vendor", "Who counts.", nullable=False),
        Field("vendor_query", "The vendor's query or project, redacted.", parse=redacted_text, nullable=False),
        Field("bin_start", "Start of the bin.", parse=utc_time, type="timestamp", required=True, nullable=False),
        Field("bin_interval", "Length of the bin.", parse=choice({"hour": (), "day": ()}), nullable=False),
        Field(
            "breakdown",
            "Breakdown: 'total' or 'sourcetype'.",
            parse=choice({"total": (), "sourcetype": ()}),
        ),
        Field("breakdown_value", "Its value in the vendor's words; 'total' for the whole."),
        Field("mentions", "Number of mentions.", parse=count, type="bigint", required=True, nullable=False),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="bin_start",
    not_after_load=NotAfterLoad(("bin_start",)),
)

CONTRACT = (MENTIONS, VOLUMES)


def _address_sql() -> str:
    cases = " ".join(
        f"when regexp_matches({{c}}, '{pattern}') then regexp_replace({{c}}, '{pattern}', '{replacement}')"
        for pattern, replacement in ADDRESS_RULES
    )
    is_address = "regexp_matches({c}, '^https?://[^/]')"
    return f"case when not {is_address} then null when not regexp_matches({{c}}, '{_CONCERNED}') then {{c}} {cases} end"


#: The parsers of this contract in SQL, for `ingestion.engine.columnar`: null where a value is not sure to be good.
COLUMNAR = {
    network: f"case when {{c}} in ({', '.join(repr(name) for name in NETWORKS)}) then {{c}} end",
    mention_address: _address_sql(),
    sentiment: f"case when {{c}} in {tuple(range(WORST_SENTIMENT, BEST_SENTIMENT + 1))} then {{c}}::bigint end",
    departement_code: r"case when regexp_full_match({c}, '\d\d|2[AB]|97\d') then {c} end",
}
