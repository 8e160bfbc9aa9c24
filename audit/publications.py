"""Compares the definitions of two publications of the ledger."""

from datetime import date

from audit import definition_diff, evidence, ledger, tracing
from audit.definition_diff import Change
from audit.definitions import KpiDefinition
from audit.ledger import Entry
from core.errors import ExpectedFailure
from core.settings import Home


def shown_on(home: Home, day: date) -> Entry:
    """Return the publication that readers saw at the end of a day in Paris.

    Raises:
        ExpectedFailure: nothing was published then.
    """
    return tracing.as_of(home, day)[-1]


def by_sequence(home: Home, sequence: int) -> Entry:
    """Return a publication by its place in the ledger.

    Raises:
        ExpectedFailure: there is none.
    """
    known = ledger.entries(home)
    for entry in known:
        if entry.sequence == sequence:
            return entry
    raise ExpectedFailure(
        f"Il n'y a pas de publication {sequence}.",
        f"Le registre va de {known[0].sequence} à {known[-1].sequence}." if known else "Rien n'a encore été publié.",
    )


def changes_between(home: Home, former: Entry, later: Entry) -> list[Change]:
    """Return what differs in the definitions of KPIs between two publications, KPI by KPI.

    Raises:
        ExpectedFailure: the evidence of a definition is gone.
    """
    return definition_diff.differences(definitions(home, former), definitions(home, later))


def definitions(home: Home, entry: Entry) -> dict[str, KpiDefinition]:
    """Return the definitions of a publication by the code of their KPI.

    Raises:
        ExpectedFailure: the evidence of a definition is gone.
    """
    kept = evidence.store(home)
    manifest = kept.read_json(entry.facts["manifest"])
    return {code: evidence.definition_of(kept, manifest, code) for code in manifest["kpis"]}
