"""Contract of official alerts: one table for all sources."""

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Field, NotAfterLoad, Table
from ingestion.engine.parsers import choice, published, utc_time

METEO_FRANCE, VIGICRUES, SANTE_PUBLIQUE_FRANCE = "meteo_france", "vigicrues", "sante_publique_france"

ALERTS = Table(
    name="alerts",
    key="alert_id",
    key_parts=("source", "territory", "phenomenon", "valid_from"),
    description=(
        "What an official source says of one phenomenon in one territory from a moment on; the statement issued last"
        " holds. Green is said only where another level was said before."
    ),
    fields=(
        Field("alert_id", "Source, territory, phenomenon and beginning.", nullable=False, filled_by_load=True),
        Field(
            "source",
            "'meteo_france', 'vigicrues' or 'sante_publique_france'.",
            parse=choice({METEO_FRANCE: (), VIGICRUES: (), SANTE_PUBLIQUE_FRANCE: ()}),
            required=True,
            nullable=False,
        ),
        Field(
            "level",
            "Colour of the vigilance; empty for Santé publique France, whose levels are no colours.",
            parse=choice({"vert": ("1",), "jaune": ("2",), "orange": ("3",), "rouge": ("4",)}),
            required=True,
        ),
        Field("source_level", "Level as the source writes it.", required=True, nullable=False),
        Field("phenomenon", "What may happen, such as 'crues', 'canicule' or 'Grippe'.", required=True, nullable=False),
        Field(
            "territory_type",
            "'departement', 'littoral', 'region', 'troncon' (of a watched river), 'zone' (of defence) or 'pays'.",
            parse=choice({"departement": (), "littoral": (), "region": (), "troncon": (), "zone": (), "pays": ()}),
            required=True,
            nullable=False,
        ),
        Field(
            "territory",
            "INSEE code of the département or region, '3310' for the coast of 33, code of the section, or 'FRA'.",
            required=True,
            nullable=False,
        ),
        Field("territory_name", "Name of the territory, where the source gives one.", parse=published),
        Field("valid_from", "Beginning of the validity.", (), utc_time, "timestamp", required=True, nullable=False),
        Field("valid_until", "End of the validity; empty until the next statement.", (), utc_time, "timestamp"),
        Field("issued_at", "When the source said so.", (), utc_time, "timestamp", required=True, nullable=False),
        Field("title", "One line for a reader, in French.", parse=published),
        Field("url", "Public page of the source.", parse=published),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="issued_at",
    not_after_load=NotAfterLoad(("issued_at",)),
    versioned_by="issued_at",
)

CONTRACT = (ALERTS,)
