"""Contract of the log of the pré-plainte en ligne."""

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Field, Generation, NotAfterLoad, Table
from ingestion.engine.parsers import code, departement_code, flag, paris_clock_time

DECLARATIONS = Table(
    name="declarations",
    key="stats_id",
    description="One declaration that was begun on the pré-plainte en ligne; who made it is not in the log.",
    fields=(
        Field("stats_id", "Identifier of the log entry [certain].", (), code, required=True, nullable=False),
        Field(
            "stats_debut_declaration",
            "When the form was opened [certain]; local time of Paris in the log [inferred], UTC here.",
            (),
            paris_clock_time,
            "timestamp",
            required=True,
            nullable=False,
        ),
        Field(
            "stats_fin_declaration",
            "When the form was sent [certain], UTC here; before the beginning, or days after it, in a few rows.",
            (),
            paris_clock_time,
            "timestamp",
            required=True,
        ),
        Field(
            "stats_dpt_unite",
            "Code of the département of the unit that was chosen: '06', '973', '2A', Paris '75C' [certain].",
            (),
            departement_code,
            required=True,
        ),
        Field(
            "stats_pers_physique", "Whether a natural person declares [certain].", (), flag, "boolean", required=True
        ),
        Field("stats_pers_morale", "Whether a legal person declares [certain].", (), flag, "boolean", required=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="stats_debut_declaration",
    not_after_load=NotAfterLoad(("stats_debut_declaration", "stats_fin_declaration"), "stats_dpt_unite"),
    generations=(Generation("stats", ("stats_id", "stats_debut_declaration")),),
)

CONTRACT = (DECLARATIONS,)
