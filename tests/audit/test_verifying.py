"""Every way to tamper with what was published is found and named, by somebody who knows the code but not the key."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from audit import evidence, ledger
from audit.objects import canonical
from audit.verifying import verify
from ingestion.settings import Home
from tests.audit.world import RECORDS, record, show, write_warehouse

KEY = "a key that the forger does not have"


@pytest.fixture
def audited(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home of three sealed publications; the last is what readers see."""
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", KEY)
    for number in range(3):
        write_warehouse(home, [*RECORDS, *[(f"late-{n}", "2026-10-20", "FR-33", 1) for n in range(number)]])
        record(home, number)
    show(home, "publication-2")
    return home


def rewrite(folder: Path, rows: str) -> None:
    """Write the changes of a publication anew from a query over them, and chain them as the code would."""
    path = folder / ledger.CHANGES
    forged = path.with_suffix(".forged")
    query = rows.format(source=f"'{path}'")
    duckdb.sql(f"copy ({query}) to '{forged}' (format parquet)")
    forged.replace(path)
    forge(folder)


def forge(folder: Path) -> None:
    """Give a publication the head that its files make; the seal cannot be made."""
    head = json.loads((folder / ledger.HEAD).read_bytes())
    (folder / ledger.HEAD).write_bytes(canonical({**head, "head": ledger.head_of(head["former"], folder)}))


def edit_row(home: Home) -> None:
    rewrite(first(home), "select * replace (value + (position = 2)::int as value) from {source}")


def remove_row(home: Home) -> None:
    rewrite(first(home), "from {source} where position <> 2")


def insert_row(home: Home) -> None:
    rewrite(first(home), "from {source} union all (select * replace (99 as position) from {source} limit 1)")


def reorder_rows(home: Home) -> None:
    rewrite(first(home), "from {source} order by position desc")


def edit_row_without_forging(home: Home) -> None:
    head = (first(home) / ledger.HEAD).read_bytes()
    edit_row(home)
    (first(home) / ledger.HEAD).write_bytes(head)


def edit_facts(home: Home) -> None:
    path = first(home) / ledger.PUBLICATION
    path.write_bytes(path.read_bytes().replace(b'"abc"', b'"xyz"'))


def remove_publication(home: Home) -> None:
    shutil.rmtree(ledger.folders(home)[1])


def exchange_publications(home: Home) -> None:
    second, third = ledger.folders(home)[1:]
    second.rename(home.ledger / "x")
    third.rename(home.ledger / "000002-publication-2")
    (home.ledger / "x").rename(home.ledger / "000003-publication-1")


def insert_publication(home: Home) -> None:
    shutil.copytree(first(home), home.ledger / "000002-publication-0")


def insert_file(home: Home) -> None:
    (first(home) / "note.txt").write_text("")


def truncate(home: Home) -> None:
    shutil.rmtree(ledger.folders(home)[2])


def strip_seal(home: Home) -> None:
    path = ledger.folders(home)[2] / ledger.HEAD
    path.write_bytes(canonical({**json.loads(path.read_bytes()), "seal": None}))


def edit_evidence(home: Home) -> None:
    with month(home).open("ab") as file:
        file.write(b" ")


def remove_evidence(home: Home) -> None:
    month(home).unlink()


def edit_copy(home: Home) -> None:
    with duckdb.connect(str(home.published / "daily" / "publication-2" / "serving.duckdb")) as connection:
        connection.execute("update kpi.kpi_value set value = 0 where territory_code = 'ZZ' and period_type = 'month'")


def first(home: Home) -> Path:
    return ledger.folders(home)[0]


def month(home: Home) -> Path:
    kept = evidence.store(home)
    manifest = kept.read_json(ledger.entries(home)[0].facts["manifest"])
    return kept.path(manifest["kpis"]["visits"]["months"]["2026-10"]["sha256"], ".parquet")


def test_what_was_not_touched_is_sound(audited: Home) -> None:
    verdict = verify(audited)
    assert (verdict.publications, verdict.problems, verdict.remarks) == (3, (), ())
    assert verify(audited, verdict.head).problems == ()


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (edit_row, "000001-publication-0 : ligne modifiée ou insérée : visits day 2026-09-30 FR total"),
        (edit_row_without_forging, "000001-publication-0 : ligne modifiée ou insérée : visits day 2026-09-30 FR total"),
        (remove_row, "000001-publication-0 : 1 ligne(s) retirée(s) sur 16"),
        (insert_row, "000001-publication-0 : ligne modifiée ou insérée : visits day 2026-09-30 FR-33"),
        (reorder_rows, "000001-publication-0 : 16 ligne(s) ont changé de place"),
        (edit_facts, "000001-publication-0 : publication.json"),
        (remove_publication, "000003-publication-2 : 1 publication(s) ont été retirées juste avant"),
        (exchange_publications, "000002-publication-2 : publication déplacée"),
        (insert_publication, "000002-publication-1 : publication insérée"),
        (insert_file, "000001-publication-0 : le fichier note.txt a été inséré"),
        (truncate, "publication-2, que les lecteurs voient, manque au registre"),
        (strip_seal, "000003-publication-2 : non scellée, après une publication scellée"),
        (edit_evidence, "000001-publication-0 : preuve de visits, 2026-10 modifiée"),
        (remove_evidence, "000001-publication-0 : preuve de visits, 2026-10 retirée"),
        (edit_copy, "Copie publiée : visits month 2026-10-01 ZZ total total n'est pas"),
    ],
)
def test_tampering_is_named(audited: Home, tamper: Callable[[Home], None], said: str) -> None:
    tamper(audited)
    problems = verify(audited).problems
    assert any(problem.startswith(said) for problem in problems), problems


def test_a_chain_rewritten_whole_lacks_the_seals(audited: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = verify(audited).head
    shutil.rmtree(audited.ledger)
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", "a key of the forger")
    for number in range(3):
        record(audited, number)
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", KEY)
    assert sum("le sceau est faux" in problem for problem in verify(audited).problems) == 3
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", "")
    assert verify(audited).problems == ()  # without key nor head nothing tells
    assert [problem for problem in verify(audited, kept).problems if "réécrit" in problem]


def test_a_head_tells_of_a_truncated_end(audited: Home) -> None:
    kept = verify(audited).head
    truncate(audited)
    shutil.rmtree(audited.published)
    assert verify(audited).problems == ()  # the end of a chain does not tell of itself
    [problem] = verify(audited, kept).problems
    assert "la fin du registre a été tronquée, il n'a plus que 2 publication(s)" in problem


def test_a_publication_that_readers_never_saw_is_told(audited: Home) -> None:
    record(audited, 3)
    verdict = verify(audited)
    assert verdict.problems == ()
    assert verdict.remarks == (
        "000004-publication-3 : publication interrompue, les lecteurs voient encore publication-2.",
    )


def test_an_emptied_ledger_is_told(audited: Home) -> None:
    shutil.rmtree(audited.ledger)
    [problem] = verify(audited).problems
    assert problem.startswith("Le registre est vide alors que publication-2 est publiée")


def test_without_a_key_it_says_what_it_does_not_prove(audited: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", "")
    verdict = verify(audited)
    assert verdict.problems == ()
    assert verdict.remarks == ("3 sceau(x) non vérifiés : CYBERIMPACT_AUDIT_KEY est absente.",)
