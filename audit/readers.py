"""What a reader may be shown of published figures and of their proof."""

from dataclasses import dataclass

from core.errors import ExpectedFailure
from warehouse.rights import EVERYTHING, Right

#: The table of the published copies that dashboards and pages show figures from.
FIGURES = "kpi.rpt_kpi"
NOTHING, ALL = "false", "true"


@dataclass(frozen=True)
class Reader:
    """Who asks for a figure.

    Attributes:
        right: The tables and rows that he may read.
        verifies: Whether he may see source records and recomputations.
        has_files: Whether he has the files of the home at hand, so that nothing in them is kept from him.
    """

    right: Right
    verifies: bool = False
    has_files: bool = False

    @property
    def rows(self) -> str:
        """The SQL condition, on `territory_code`, of the figures and records that he may read."""
        if self.right.is_everything:
            return ALL
        return (self.right.tables[FIGURES] or ALL) if self.reads(FIGURES) else NOTHING

    @property
    def is_bound(self) -> bool:
        """Whether there are territories whose rows he may not read."""
        return self.rows != ALL

    def reads(self, table: str) -> bool:
        """Return whether he may read a table of the published copies, `schema.table`, or rows of it."""
        return self.right.is_everything or table in self.right.tables

    def require_verification(self) -> None:
        """Check that he may see source records and recomputations.

        Raises:
            ExpectedFailure: he may not.
        """
        if not self.verifies:
            raise ExpectedFailure(
                "Le recalcul et les enregistrements sources sont réservés aux auditeurs.",
                "Demandez à l'administrateur un rôle qui donne le droit de vérification.",
            )


#: Who runs commands on the server of the platform.
OPERATOR = Reader(EVERYTHING, verifies=True, has_files=True)
