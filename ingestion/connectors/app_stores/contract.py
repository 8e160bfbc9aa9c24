"""Contract of app store reviews."""

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Generation, NotAfterLoad, Table
from ingestion.engine.parsers import choice, count, epoch_or_iso, free_text, identifier

MOST_STARS = 5


def stars(value: str) -> int:
    """Return a rating from 1 to 5.

    Raises:
        ValueError: it is no such number.
    """
    rating = count(value)
    if not 1 <= rating <= MOST_STARS:
        raise ValueError(f"is not a rating from 1 to {MOST_STARS}")
    return rating


REVIEWS = Table(
    name="reviews",
    key="review_key",
    key_parts=("store", "app_id", "review_id"),
    description="A review of an app in a store, without anything that identifies its author.",
    fields=(
        Field("review_key", "Store, app and review, separated by '|'.", nullable=False, filled_by_load=True),
        Field(
            "store",
            "'play' or 'app_store'.",
            parse=choice({"play": (), "app_store": ()}),
            required=True,
            nullable=False,
        ),
        Field("app_id", "Package name at Google Play, number at the App Store.", required=True, nullable=False),
        Field(
            "review_id",
            "Identifier of the review in its store.",
            ("reviewId", "id"),
            identifier,
            required=True,
            nullable=False,
        ),
        Field(
            "written_at",
            "When it was written or last changed.",
            ("lastModified", "updated"),
            epoch_or_iso,
            "timestamp",
            required=True,
            nullable=False,
        ),
        Field("rating", "Stars, 1 to 5.", ("starRating", "im:rating"), stars, "bigint", required=True, nullable=False),
        Field("title", "Title, redacted; the App Store only.", (), free_text),
        Field("text", "Text, redacted.", ("content",), free_text),
        Field("language", "Language of the author, BCP 47; Google Play only.", ("reviewerLanguage",)),
        Field("app_version", "Version of the app, as shown.", ("appVersionName", "im:version")),
        Field("app_version_code", "Number of that version; Google Play only.", ("appVersionCode",)),
        Field("votes_up", "Readers who found it useful.", ("thumbsUpCount", "im:voteSum"), count, "bigint"),
        Field("votes_down", "Readers who did not; Google Play only.", ("thumbsDownCount",), count, "bigint"),
        Field("votes_total", "Readers who said either; the App Store only.", ("im:voteCount",), count, "bigint"),
        Field("developer_answered_at", "When the developer last answered.", (), epoch_or_iso, "timestamp"),
        Field("developer_answer", "Answer of the developer, redacted.", (), free_text),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="written_at",
    not_after_load=NotAfterLoad(("written_at",)),
    versioned_by="written_at",
    dropped=(
        Dropped(("authorName", "author"), "name or pseudonym of a person"),
        Dropped(
            ("device", "deviceMetadata", "androidOsVersion"),
            "with version and day, a rare device recognises a person, and no figure needs it",
        ),
        Dropped(("originalText",), "the text before a translation, and none is asked for"),
        Dropped(("link", "im:contentType"), "leads to the author's page, or says that this is an app"),
    ),
    generations=(Generation("play_v3_and_rss", ("store", "app_id")),),
)

CONTRACT = (REVIEWS,)
