"""Contract of Partoo: units, groups, reviews, presence and listing states."""

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Generation, NotAfterLoad, Row, Table
from ingestion.engine.parsers import (
    choice,
    code,
    count,
    day,
    epoch_or_iso,
    flag,
    free_text,
    identifier,
    number,
    postal_code,
)

#: Names of the presence metrics: those of the vendor's specification of 2021 [certain], then the later ones [reported].
METRICS = (
    "queries_direct",
    "queries_indirect",
    "queries_branded",
    "queries_discovery",
    "views_maps",
    "views_search",
    "actions_website",
    "actions_phone",
    "actions_driving_directions",
    "business_impressions_desktop_maps",
    "business_impressions_desktop_search",
    "business_impressions_mobile_maps",
    "business_impressions_mobile_search",
    "business_direction_requests",
    "call_clicks",
    "website_clicks",
)

#: Postal codes overseas that do not begin with the code of their collectivity.
_ISLANDS = {"97133": "977", "97150": "978"}
_CORSICA = {"200": "2A", "201": "2A", "202": "2B", "206": "2B"}

MOST_STARS = 5

#: The only version of the interface that was ever read, recognised by labels of every table.
GENERATIONS = (Generation("rest_v2", ("id", "business_id", "publisher")),)


def stars(value: str) -> int:
    """Return a rating from 0 to 5.

    Raises:
        ValueError: it is no whole number, or more than 5.
    """
    rating = count(value)
    if rating > MOST_STARS:
        raise ValueError(f"is more than {MOST_STARS} stars")
    return rating


def departement_of(zipcode: str) -> str | None:
    """Return the INSEE code of the département of a postal code of five digits, `None` where it is ambiguous.

    A few towns have the postal code of a neighbour: the list of the COG, in the warehouse, has the last word.
    """
    if zipcode in _ISLANDS:
        return _ISLANDS[zipcode]
    if zipcode.startswith("20"):
        return _CORSICA.get(zipcode[:3])
    if zipcode[:2] in {"97", "98"}:
        return zipcode[:3]
    return zipcode[:2] if "01" <= zipcode[:2] <= "95" else None  # 99 is no postal code, but the COG's code for abroad


def _with_departement(row: Row) -> Row:
    """Fill the département of a unit in France; abroad, a postal code means something else."""
    zipcode = row.get("zipcode")
    row["department_code"] = None
    if zipcode is not None and row.get("country") in {None, "FR", "France"}:
        try:
            row["department_code"] = departement_of(postal_code(zipcode))
        except ValueError:
            return row
    return row


BUSINESSES = Table(
    name="businesses",
    key="id",
    description="A listing that Partoo manages: in the Gendarmerie's use, a brigade [inferred].",
    fields=(
        Field("id", "Identifier of the listing, 24 hexadecimal digits.", (), identifier, required=True, nullable=False),
        Field("code", "Code of the unit in its own organisation."),
        Field(
            "status",
            "'open', or 'closed' for good.",
            (),
            choice({"open": (), "closed": ()}),
            required=True,
            nullable=False,
        ),
        Field("name", "Public name, such as 'Brigade de gendarmerie de Brest'."),
        Field("org_id", "Organisation at Partoo.", parse=code),
        Field("group_id", "Group it belongs to: probably the groupement [inferred].", parse=code),
        Field("city", "Town."),
        Field("zipcode", "Postal code, as given."),
        Field("country", "Country, ISO 3166-1 alpha-2."),
        Field("department_code", "INSEE code of the département, from the postal code.", filled_by_load=True),
        Field("national_identification_number", "SIRET.", parse=identifier),
        Field("lat", "Latitude, degrees.", parse=number, type="double"),
        Field("long", "Longitude, degrees.", parse=number, type="double"),
        Field(
            "google_location_id", "Google location it is linked to; empty when it is linked to none.", parse=identifier
        ),
        Field("presence_management_active", "Whether its presence is managed.", parse=flag, type="boolean"),
        Field("review_management_active", "Whether its reviews are managed.", parse=flag, type="boolean"),
        Field("review_booster_active", "Whether reviews are asked for.", parse=flag, type="boolean"),
        Field("created", "When the listing was created.", parse=epoch_or_iso, type="timestamp"),
        Field("modified", "When the listing was last modified.", parse=epoch_or_iso, type="timestamp"),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dropped=(
        Dropped(("contacts",), "names, mail addresses and phones of persons"),
        Dropped(("address", "address2", "address_details", "region"), "town and postal code place a unit well enough"),
        Dropped(
            (
                "open_hours",
                "specific_hours",
                "time_slot_reference",
                "categories",
                "custom_fields",
                "description_short",
                "description_long",
                "photos",
                "logo_url",
                "videos",
                "news",
                "promos",
                "website_url",
                "facebook_url",
                "twitter_url",
                "facebook_page_id",
            ),
            "what the listing shows, which no figure needs",
        ),
        Dropped(("siret", "clean_name"), "retired by the platform, repeated elsewhere in the record"),
    ),
    versioned_by="modified",
    generations=GENERATIONS,
    rule=_with_departement,
)

GROUPS = Table(
    name="groups",
    key="id",
    description="A group of listings, or a subgroup: probably a groupement de gendarmerie [inferred].",
    fields=(
        Field("id", "Identifier of the group.", parse=code, required=True, nullable=False),
        Field("org_id", "Organisation at Partoo.", parse=count, type="bigint", required=True),
        Field("parent_id", "Group that a subgroup belongs to.", parse=code),
        Field("name", "Name of the group.", required=True),
        Field("provider", "Label of the provider."),
        Field("created", "When the group was created.", parse=epoch_or_iso, type="timestamp"),
        Field("updated", "When the group was last modified.", parse=epoch_or_iso, type="timestamp"),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    versioned_by="updated",
    generations=GENERATIONS,
)

REVIEWS = Table(
    name="reviews",
    key="id",
    description="What somebody wrote about a unit on Google or Facebook, without the name of the author.",
    fields=(
        Field("id", "Identifier of the review at Partoo.", parse=code, required=True, nullable=False),
        Field("business_id", "Listing that it is about.", (), identifier, required=True, nullable=False),
        Field("org_id", "Organisation at Partoo.", parse=code),
        Field("partner", "Where it was written: 'google_my_business', 'facebook', …"),
        Field("date", "When it was written.", parse=epoch_or_iso, type="timestamp", required=True, nullable=False),
        Field(
            "update_date", "When it last changed.", parse=epoch_or_iso, type="timestamp", required=True, nullable=False
        ),
        Field("delete_date", "When it was withdrawn.", parse=epoch_or_iso, type="timestamp"),
        Field("rating", "Stars, 0 to 5; empty where the partner has none.", parse=stars, type="bigint", required=True),
        Field("recommended", "Whether the author recommends the unit (Facebook).", parse=flag, type="boolean"),
        Field("title", "Title, redacted.", parse=free_text),
        Field("content", "Text, redacted.", parse=free_text),
        Field(
            "state",
            "'treated', 'not_treated' or 'deleted'.",
            parse=choice({"treated": (), "not_treated": (), "deleted": ()}),
        ),
        Field("answered_at", "When it was first answered.", parse=epoch_or_iso, type="timestamp"),
        Field("comments_count", "Number of answers.", parse=count, type="bigint"),
        Field("tags", "Labels of the review, redacted, separated by commas.", parse=free_text),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="date",
    not_after_load=NotAfterLoad(("date",)),
    versioned_by="update_date",
    dropped=(
        Dropped(("author_name",), "name of a person"),
        Dropped(("link", "partner_id", "key"), "leads to the author's page, and no figure needs it"),
    ),
    generations=GENERATIONS,
)

PRESENCE = Table(
    name="presence",
    key="presence_key",
    key_parts=("business_id", "date", "metric"),
    description="How often a listing was seen, or led to an action, on a day.",
    fields=(
        Field("presence_key", "Listing, day and metric, separated by '|'.", nullable=False, filled_by_load=True),
        Field("business_id", "Listing.", (), identifier, required=True, nullable=False),
        Field("date", "Day, ISO 8601.", parse=day, required=True, nullable=False),
        Field(
            "metric",
            "Name of the metric, of 2021 or later.",
            parse=choice(dict.fromkeys(METRICS, ())),
            required=True,
            nullable=False,
        ),
        Field("value", "How often.", parse=count, type="bigint", required=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    not_after_load=NotAfterLoad(("date",)),
    dropped=(Dropped(("bucket",), "always 'day', as asked"),),
    generations=GENERATIONS,
)

PUBLISHER_STATES = Table(
    name="publisher_states",
    key="state_key",
    key_parts=("read_on", "publisher", "state"),
    description="How many listings were in a state at a publisher on the day of reading.",
    fields=(
        Field("state_key", "Day, publisher and state, separated by '|'.", nullable=False, filled_by_load=True),
        Field("read_on", "Day of reading, Europe/Paris, ISO 8601.", parse=day, required=True, nullable=False),
        Field("publisher", "Directory or map, such as 'facebook'.", required=True, nullable=False),
        Field("state", "'success', 'pending' or 'to_configure'.", required=True, nullable=False),
        Field("count", "Number of listings.", parse=count, type="bigint", required=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dropped=(
        Dropped(("publishers_business",), "the listings one by one, which are in `businesses`"),
        Dropped(("page", "max_page"), "paging of the listings that are not kept"),
    ),
    generations=GENERATIONS,
)

CONTRACT = (BUSINESSES, GROUPS, REVIEWS, PRESENCE, PUBLISHER_STATES)
