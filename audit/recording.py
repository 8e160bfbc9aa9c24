"""Records one publication: its evidence, then its entry in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from audit import copy_digests, evidence, ledger, publication_metadata
from audit.definitions import KpiDefinition, model_checksum
from audit.ledger import Entry
from audit.publication_metadata import SUPPRESSION, PublicationMetadata
from core.settings import Home
from core.sql import literal


@dataclass(frozen=True)
class Recorder:
    """What is to be recorded with a publication.

    Attributes:
        definitions: Definition of each KPI by code.
        run_id: The run that publishes.
        metadata: The tables that the copy is given.
    """

    definitions: Mapping[str, KpiDefinition]
    run_id: str
    metadata: PublicationMetadata

    def complete(self, home: Home, copy: Path, draft: Entry) -> Entry:
        """Give the copy of a prepared publication the tables that describe it, then sign both.

        Args:
            home: The home, whose warehouse nobody writes meanwhile.
            copy: The copy, which nobody has open.
            draft: What `prepare` has returned.
        """
        protected = [code for code, definition in self.definitions.items() if SUPPRESSION in definition.context]
        publication_metadata.add(copy, home, self.metadata, [*ledger.entries(home), draft], protected)
        return ledger.finish(draft, copy_digests.of_copy(copy))

    def prepare(self, home: Home, facts: Mapping[str, Any]) -> Entry:
        """Write the evidence and the changes of the warehouse as a draft, for `complete`, then `commit`.

        Args:
            home: The home, whose warehouse nobody writes meanwhile.
            facts: What the publication says of itself.
        """
        with duckdb.connect(":memory:", config={"threads": 2}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach {literal(str(home.warehouse))} as {evidence.CATALOG} (read_only)")
            [(invocation,)] = connection.execute(
                "select max_by(invocation_id, finished_at) from warehouse.audit.build_status"
            ).fetchall()
            store, known = evidence.store(home), ledger.entries(home)
            former = store.read_json(known[-1].facts["manifest"]) if known else None
            digest, _ = evidence.write(connection, self.definitions, store, former, kpis_held_back(connection))
            return ledger.prepare(
                connection,
                home,
                {
                    **facts,
                    "run_id": self.run_id,
                    "dbt_invocation_id": invocation,
                    "model_checksum": model_checksum(self.definitions),
                    "manifest": digest,
                },
            )

    def commit(self, entry: Entry) -> None:
        """Append a completed entry to the ledger: from then on the publication counts."""
        ledger.commit(entry)


def kpis_held_back(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the codes of the KPIs that the last build has held back."""
    try:
        rows = connection.execute("select distinct kpi_code from warehouse.audit.held_back").fetchall()
    except duckdb.CatalogException:  # built before KPIs were held back
        return set()
    return {code for (code,) in rows}
