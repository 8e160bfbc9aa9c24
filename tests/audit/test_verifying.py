"""Every way to tamper with what was published is found and named, by somebody who knows the code but not the key."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from typer.testing import CliRunner

from audit import copy_digests, evidence, keyring, ledger, rewriting, rotation, signing, verifying
from audit.verifying import read_head, verify
from cli import main
from core.content_store import canonical
from core.errors import ExpectedFailure
from core.settings import Home
from tests.audit import world
from tests.audit.world import RECORDS, point, prepare, publish, record, write_warehouse
from warehouse.reader_copies import path_for
from warehouse.rights import Right

KEY = Ed25519PrivateKey.generate()
PUBLIC = [KEY.public_key()]
AUDIT_KEY = "the HMAC key of before the signatures"


def sign_with(monkeypatch: pytest.MonkeyPatch, key: Ed25519PrivateKey | None) -> None:
    monkeypatch.setenv(signing.SETTING, signing.seed_of(key) if key else "")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of three signed publications; the last is what readers see. Tests copy it."""
    home = Home(tmp_path_factory.mktemp("published") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(signing.FILE_SETTING, "")
        sign_with(patch, KEY)
        for number in range(3):
            write_warehouse(home, [*RECORDS, *[(f"late-{n}", "2026-10-20", "FR-33", 1) for n in range(number)]])
            publish(home, number)
    return home


@pytest.fixture
def audited(published: Home, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the published home, on the machine that signs."""
    shutil.copytree(published.root, home.root, symlinks=True)
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", "")
    monkeypatch.setenv(signing.FILE_SETTING, "")
    monkeypatch.setattr(verifying, "_PAUSE_SECONDS", 0)
    sign_with(monkeypatch, KEY)
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
    """Give a publication the head that its files make; the signature cannot be made."""
    head = json.loads((folder / ledger.HEAD).read_bytes())
    (folder / ledger.HEAD).write_bytes(canonical({**head, "head": ledger.head_of(head["former"], folder)}))


def forge_chain(home: Home, key: Ed25519PrivateKey | None) -> None:
    """Chain every publication anew as the code does, signed with another key, or with none."""
    former = ledger.NO_HEAD
    for folder in ledger.folders(home):
        head = ledger.head_of(former, folder)
        signed = signing.sign(key, ledger.KIND, {"head": head}) if key else {"key": None, "signature": None}
        (folder / ledger.HEAD).write_bytes(canonical({"head": head, "former": former, **signed}))
        former = head


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


def strip_signature(home: Home) -> None:
    path = ledger.folders(home)[2] / ledger.HEAD
    path.write_bytes(canonical({**json.loads(path.read_bytes()), "key": None, "signature": None}))


def rewrite_without_signatures(home: Home) -> None:
    edit_row(home)
    forge_chain(home, None)


def rewrite_with_another_key(home: Home) -> None:
    edit_row(home)
    forge_chain(home, Ed25519PrivateKey.generate())


def rewrite_with_former_seals(home: Home) -> None:
    forge_chain(home, None)
    for folder in ledger.folders(home):
        path = folder / ledger.HEAD
        path.write_bytes(canonical({**json.loads(path.read_bytes()), "seal": "0" * 64}))


def edit_evidence(home: Home) -> None:
    with month(home).open("ab") as file:
        file.write(b" ")


def remove_evidence(home: Home) -> None:
    month(home).unlink()


def copy_of(home: Home, number: int = 2) -> Path:
    return home.published / "daily" / f"publication-{number}" / "serving.duckdb"


def in_copy(statement: str) -> Callable[[Home], None]:
    def tamper(home: Home) -> None:
        with duckdb.connect(str(copy_of(home))) as connection:
            connection.execute(statement)

    return tamper


edit_value = in_copy("update kpi.kpi_value set value = 0 where territory_code = 'ZZ' and period_type = 'month'")
double_value = in_copy("insert into kpi.kpi_value from kpi.kpi_value where territory_code = 'ZZ'")
delete_value = in_copy("delete from kpi.kpi_value where territory_code = 'ZZ' and period_type = 'month'")
edit_reading = in_copy("update kpi.rpt_kpi set value = 0 where territory_code = 'ZZ'")
double_reading = in_copy("insert into kpi.rpt_kpi from kpi.rpt_kpi limit 1")
exchange_readings = in_copy(
    "update kpi.rpt_kpi set value = case territory_code when 'ZZ' then 7 else 11 end "
    "where territory_code in ('ZZ', 'FR-971') and period_type = 'month'"
)
drop_reading = in_copy("drop table kpi.rpt_kpi")
add_table = in_copy("create table kpi.kpi_extra as select 1 as value")
put_view = in_copy("alter table kpi.rpt_kpi rename to r; create view kpi.rpt_kpi as from kpi.r")
widen_former_name = in_copy("create or replace view kpi.kpi_reading as from kpi.kpi_value")
add_former_name = in_copy("create view kpi.kpi_readings as from kpi.rpt_kpi")
comment = in_copy("comment on table kpi.rpt_kpi is 'Tout va bien'")


def edit_reading_and_its_digests(home: Home) -> None:
    edit_reading(home)
    path = ledger.folders(home)[2] / ledger.PUBLICATION
    facts = json.loads(path.read_bytes())
    path.write_bytes(canonical({**facts, "copy": copy_digests.of_copy(copy_of(home))}))
    forge(path.parent)


def add_log(home: Home) -> None:
    """Let DuckDB find changes that are not in the file: it replays the log beside a copy also when it only reads."""
    copy = copy_of(home).with_name("other.duckdb")
    shutil.copy(copy_of(home), copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("set checkpoint_threshold = '1GB'")
        connection.execute("update kpi.rpt_kpi set value = 0")
        shutil.copy(f"{copy}.wal", f"{copy_of(home)}.wal")
    copy.unlink()


def put_view_for_values(home: Home) -> None:
    in_copy("alter table kpi.kpi_value rename to v; create view kpi.kpi_value as from kpi.v")(home)


def break_copy(home: Home) -> None:
    copy_of(home).write_bytes(b"no database" * 1000)


def point_to_older(home: Home) -> None:
    point(home, "publication-1")


def point_to_older_alone(home: Home) -> None:
    point(home, "publication-1")
    shutil.rmtree(copy_of(home).parent)


def point_to_nothing(home: Home) -> None:
    point(home, "publication-9")


def remove_link(home: Home) -> None:
    (home.published / "daily" / "current").unlink()


def empty_build(home: Home) -> None:
    copy_of(home).unlink()


def point_outside(home: Home) -> None:
    shutil.copytree(copy_of(home).parent, home.root / "elsewhere" / "publication-2")
    point(home, "../../elsewhere/publication-2")


def link_the_file(home: Home) -> None:
    shutil.copy(copy_of(home), home.root / "mine.duckdb")
    copy_of(home).unlink()
    copy_of(home).symlink_to(home.root / "mine.duckdb")


def first(home: Home) -> Path:
    return ledger.folders(home)[0]


def month(home: Home) -> Path:
    kept = evidence.store(home)
    manifest = kept.read_json(ledger.entries(home)[0].facts["manifest"])
    return kept.path(manifest["kpis"]["visits"]["months"]["2026-10"]["sha256"], ".parquet")


def test_what_was_not_touched_is_sound(audited: Home) -> None:
    verdict = verify(audited)
    assert (verdict.publications, verdict.problems, verdict.remarks) == (3, (), ())
    assert verdict.key == signing.fingerprint(KEY.public_key())
    assert verify(audited, verdict.head, PUBLIC).problems == ()


TAMPERING = [
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
    (strip_signature, "000003-publication-2 : non scellée, après une publication scellée"),
    (rewrite_without_signatures, "000003-publication-2 : la dernière publication n'est pas signée"),
    (rewrite_with_another_key, "000002-publication-1 : signée avec une clé qui n'est pas des vôtres"),
    (rewrite_with_former_seals, "000003-publication-2 : la dernière publication n'est pas signée"),
    (edit_evidence, "000001-publication-0 : preuve de visits, 2026-10 modifiée"),
    (remove_evidence, "000001-publication-0 : preuve de visits, 2026-10 retirée"),
    (edit_value, "Copie publiée publication-2, modifiée depuis : la table kpi.kpi_value a été modifiée (18 lignes, 18"),
    (double_value, "Copie publiée publication-2, modifiée depuis : la table kpi.kpi_value a été modifiée"),
    (delete_value, "Copie publiée publication-2, modifiée depuis : la table kpi.kpi_value a été modifiée (17 lignes"),
    (edit_reading, "Copie publiée publication-2, modifiée depuis : la table kpi.rpt_kpi a été modifiée"),
    (double_reading, "Copie publiée publication-2, modifiée depuis : la table kpi.rpt_kpi a été modifiée"),
    (exchange_readings, "Copie publiée publication-2, modifiée depuis : la table kpi.rpt_kpi a été modifiée"),
    (drop_reading, "Copie publiée publication-2, modifiée depuis : la table kpi.rpt_kpi a été retirée"),
    (add_table, "Copie publiée publication-2, modifiée depuis : la table kpi.kpi_extra a été ajoutée"),
    (widen_former_name, "Copie publiée publication-2, modifiée depuis : la table kpi.kpi_reading a été modifiée"),
    (add_former_name, "Copie publiée publication-2, modifiée depuis : la table kpi.kpi_readings a été ajoutée"),
    (put_view, "Copie publiée publication-2, modifiée depuis : la table kpi.rpt_kpi a été modifiée"),
    (comment, "Copie publiée publication-2, modifiée depuis : aucune table ne diffère"),
    (edit_reading_and_its_digests, "000003-publication-2 : la signature est fausse"),
    (add_log, "Copie publiée publication-2 : le fichier serving.duckdb.wal, que DuckDB lirait avec elle"),
    (put_view_for_values, "Copie publiée publication-2 : kpi.kpi_value n'y est plus une table"),
    (break_copy, "Copie publiée publication-2, modifiée depuis : le fichier n'est plus une base DuckDB lisible"),
    (point_to_older, "Les lecteurs voient publication-1, pas la dernière publication, publication-2"),
    (point_to_older_alone, "Les lecteurs voient publication-1, pas la dernière publication, publication-2"),
    (point_to_nothing, "published/daily/current désigne publication-9, qui n'existe pas"),
    (remove_link, "Les lecteurs ne voient aucune copie publiée"),
    (empty_build, "published/daily/current désigne publication-2, qui n'existe pas"),
    (point_outside, "published/daily/current désigne un fichier hors des publications"),
    (link_the_file, "published/daily/current désigne un fichier hors des publications"),
]


@pytest.mark.parametrize("tamper", [edit_value, double_value, delete_value])
def test_a_figure_that_readers_see_is_named(audited: Home, tamper: Callable[[Home], None]) -> None:
    tamper(audited)
    said = "Copie publiée : visits month 2026-10-01 ZZ total total n'est pas ce que le registre a enregistré."
    assert said in verify(audited).problems


@pytest.mark.parametrize(("tamper", "said"), TAMPERING, ids=range(len(TAMPERING)))
def test_tampering_is_named(
    audited: Home, monkeypatch: pytest.MonkeyPatch, tamper: Callable[[Home], None], said: str
) -> None:
    tamper(audited)
    problems = verify(audited).problems
    assert any(problem.startswith(said) for problem in problems), problems
    sign_with(monkeypatch, None)  # the auditor's machine has the public key alone
    assert verify(audited, public_keys=PUBLIC).problems == problems


def test_without_a_key_a_rewritten_chain_shows_only_by_a_head(audited: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = verify(audited).head
    rewrite_without_signatures(audited)
    sign_with(monkeypatch, None)
    [problem] = [text for text in verify(audited, kept).problems if "La tête" in text]
    assert "réécrit" in problem
    assert not [text for text in verify(audited).problems if "sign" in text]


def test_a_head_shows_that_the_end_was_cut_off(audited: Home) -> None:
    kept = verify(audited).head
    shutil.rmtree(copy_of(audited).parent)
    truncate(audited)
    point(audited, "publication-1")
    assert verify(audited).problems == ()  # this was true once: the end of a chain does not speak of itself
    [problem] = verify(audited, kept).problems
    assert "la fin du registre a été tronquée, il n'a plus que 2 publication(s)" in problem


def test_a_head_is_read_from_the_mail_that_brought_it(tmp_path: Path) -> None:
    head = f"17:{'3fa9' * 16}"
    mail = tmp_path / "courriel.txt"
    mail.write_text(f"Clé de signature : {'0' * 64}\nNotez :\n\n    {head}\n")
    assert read_head(str(mail)) == read_head(head) == head
    for wrong in ("17:3fa9", str(tmp_path), "\0"):
        with pytest.raises(ExpectedFailure, match="n'est pas une tête"):
            read_head(wrong)


def test_a_publication_that_readers_never_saw_is_an_alarm(audited: Home) -> None:
    record(audited, 3)
    [problem] = verify(audited).problems
    assert problem.startswith("Les lecteurs voient publication-2, pas la dernière publication, publication-3")
    assert "ou la publication a été interrompue" in problem


def test_an_emptied_ledger_is_an_alarm(audited: Home) -> None:
    shutil.rmtree(audited.ledger)
    [problem] = verify(audited).problems
    assert problem.startswith("Le registre est vide alors que publication-2 est publiée")


def test_without_a_key_it_says_what_it_does_not_prove(audited: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_with(monkeypatch, None)
    verdict = verify(audited)
    assert verdict.problems == ()
    assert verdict.remarks == ("3 signature(s) non vérifiées : donnez la clé publique avec --public-key.",)


def test_the_live_copy_is_not_said_to_be_proved(audited: Home) -> None:
    live = audited.published / "live"
    live.mkdir()
    (live / "current").symlink_to("x")
    [remark] = verify(audited).remarks
    assert remark.startswith("La copie des flux récents (published/live) ne porte aucun indicateur")


@pytest.fixture
def of_gironde(audited: Home) -> Path:
    """The copy of a right, made as a reader makes it at first use."""
    right = Right({"kpi.kpi_value": "territory_code = 'FR-33'"})
    return path_for(audited.published / "daily" / "current" / "serving.duckdb", right)


def test_a_copy_per_right_is_what_its_right_gives(audited: Home, of_gironde: Path) -> None:
    assert of_gironde != copy_of(audited)
    assert verify(audited).problems == ()


RIGHT_CHANGES = {
    "update kpi.kpi_value set value = value + 1": "la table kpi.kpi_value a été modifiée",
    "delete from kpi.kpi_value": "la table kpi.kpi_value a été modifiée",
    "create table kpi.more as select 1 as x": "la table kpi.more a été ajoutée",
    "drop table kpi.kpi_value": "la table kpi.kpi_value a été retirée",
    "create macro kpi.sum(x) as 777": "la fonction kpi.sum a été ajoutée",
    "create sequence kpi.s": "la séquence kpi.s a été ajoutée",
    "create type kpi.t as enum ('a')": "la définition de type kpi.t a été ajoutée",
    "create view kpi.v as from read_text('/etc/hostname')": "la vue kpi.v a été ajoutée",
}


@pytest.mark.parametrize("change", RIGHT_CHANGES)
def test_a_changed_copy_per_right_is_named(audited: Home, of_gironde: Path, change: str) -> None:
    with duckdb.connect(str(of_gironde)) as connection:
        connection.execute(change)
    [problem] = verify(audited).problems
    assert problem.startswith(f"Copie du droit {of_gironde.parent.name}, modifiée depuis : {RIGHT_CHANGES[change]}")


def test_a_copy_per_right_says_whose_it_is(audited: Home, of_gironde: Path) -> None:
    declaration = of_gironde.with_name("right.json")
    genuine = declaration.read_text()
    for content, words in (
        (genuine.replace("FR-33", "FR-69"), "right.json dit un autre droit"),
        ("{}", "right.json, qui dit ce qu'elle contient, manque ou est illisible"),
        ("[" * 100_000, "right.json, qui dit ce qu'elle contient, manque ou est illisible"),
        ("[", "right.json, qui dit ce qu'elle contient, manque ou est illisible"),
    ):
        declaration.write_text(content)
        assert verify(audited).problems == (f"Copie du droit {of_gironde.parent.name}, modifiée depuis : {words}.",)
    declaration.write_text(genuine)
    of_gironde.write_bytes(b"no database")
    [problem] = verify(audited).problems
    assert problem.endswith("le fichier n'est plus une base DuckDB lisible.")


def test_another_key_of_the_auditor_is_an_alarm(audited: Home) -> None:
    problems = verify(audited, public_keys=[Ed25519PrivateKey.generate().public_key()]).problems
    assert sum("signée avec une clé qui n'est pas des vôtres" in problem for problem in problems) == 3


# ---- keys


def rotate(home: Home, monkeypatch: pytest.MonkeyPatch) -> Ed25519PrivateKey:
    """Replace the key as the command does, and publish once with the new one."""
    key = rotation.new_key(home)
    sign_with(monkeypatch, key)
    publish(home, 3)
    return key


def test_a_key_that_was_replaced_counts_for_what_it_has_signed(audited: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = rotate(audited, monkeypatch)
    newest = rotation.new_key(audited)
    for trusted in (newer, newest):
        verdict = verify(audited, public_keys=[trusted.public_key()])
        assert (verdict.problems, verdict.remarks) == ((), ())
    [problem] = verify(audited, public_keys=PUBLIC).problems  # the new key was not handed over
    assert problem.startswith("000004-publication-3 : signée avec une clé qui n'est pas des vôtres")


def test_a_key_that_was_replaced_signs_nothing_more(audited: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = rotate(audited, monkeypatch)
    sign_with(monkeypatch, KEY)  # it was stolen
    publish(audited, 4)
    [problem] = verify(audited, public_keys=[newer.public_key()]).problems
    assert problem.startswith("000005-publication-4 : signée avec une clé remplacée après la publication 3")


def test_a_stolen_former_key_cannot_rewrite_the_past(audited: Home) -> None:
    newer = rotation.new_key(audited)
    edit_row(audited)
    forge_chain(audited, KEY)
    problems = verify(audited, public_keys=[newer.public_key()]).problems
    assert any("a été remplacée à la tête 3:" in problem for problem in problems), problems


def test_a_key_is_not_replaced_on_a_ledger_that_was_tampered_with(audited: Home) -> None:
    edit_row(audited)
    with pytest.raises(ExpectedFailure, match="Le registre n'est pas intact"):
        rotation.new_key(audited)
    assert keyring.retired_keys(audited) == []


def test_a_replacement_cannot_be_pretended(audited: Home) -> None:
    forger = Ed25519PrivateKey.generate()
    forge_chain(audited, forger)
    content = {"public_key": forger.public_key().public_bytes_raw().hex(), "until": "2026-11-30", "head": None}
    for key in (forger, Ed25519PrivateKey.generate()):
        signed = {**signing.sign(key, "retired key", content), "key": signing.fingerprint(KEY.public_key())}
        (audited.ledger / keyring.RECORD).write_bytes(json.dumps({**content, **signed}).encode())
        assert sum("signée avec une clé qui n'est pas des vôtres" in text for text in verify(audited).problems) == 3


def test_a_lost_key_is_recognised_by_hand(audited: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "former.pem"
    file.write_text(signing.pem(KEY.public_key()))
    newer = Ed25519PrivateKey.generate()
    sign_with(monkeypatch, newer)
    publish(audited, 3)
    assert len(verify(audited).problems) == 3
    answer = CliRunner().invoke(main.app, ["audit", "key", "trust", str(file)])
    assert "reconnue jusqu'à la publication 3" in answer.output
    assert verify(audited).problems == ()


def test_what_the_command_shows_is_what_the_auditor_needs(
    audited: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = CliRunner().invoke(main.app, ["audit", "key", "new"])
    setting, _, seed = made.stdout.strip().partition("=")
    assert setting == signing.SETTING
    monkeypatch.setenv(setting, seed)
    publish(audited, 3)
    shown = CliRunner().invoke(main.app, ["audit", "key", "show"])
    assert seed not in shown.output
    assert f"Clé {signing.fingerprint(KEY.public_key())} : publications 1 à 3, du " in shown.output
    assert "remplacée le" in shown.output
    file = tmp_path / "cle.pem"
    file.write_text(shown.output)
    monkeypatch.setenv(setting, "")
    head = ledger.entries(audited)[-1].reference
    answer = CliRunner().invoke(main.app, ["audit", "verify", "--public-key", str(file), "--head", head])
    assert not answer.exit_code, answer.output
    assert "Rien n'a été altéré." in answer.output


def test_the_key_is_read_from_a_file_outside_the_home(
    audited: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sign_with(monkeypatch, None)
    file = tmp_path / "signing.key"
    file.write_text(signing.seed_of(KEY) + "\n")
    monkeypatch.setenv(signing.FILE_SETTING, str(file))
    assert publish(audited, 3).key == signing.fingerprint(KEY.public_key())
    inside = audited.root / "signing.key"
    for wrong, said in ((inside, "fichier de CYBERIMPACT_HOME"), (tmp_path / "absent", "illisible")):
        monkeypatch.setenv(signing.FILE_SETTING, str(wrong))
        with pytest.raises(ExpectedFailure, match=said):
            signing.private_key()
    file.write_text("no key")
    monkeypatch.setenv(signing.FILE_SETTING, str(file))
    with pytest.raises(ExpectedFailure, match="ne donne pas une clé") as refused:
        signing.private_key()
    assert "no key" not in str(refused.value)
    with pytest.raises(ExpectedFailure, match="clé publique"):
        signing.read_public_keys(file)


# ---- what was sealed before the signatures


@pytest.fixture
def former(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of two publications as they were sealed before the signatures."""
    monkeypatch.setattr(verifying, "_PAUSE_SECONDS", 0)
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", AUDIT_KEY)
    monkeypatch.setenv(signing.FILE_SETTING, "")
    sign_with(monkeypatch, None)
    write_warehouse(home)
    for number in range(2):
        entry = record(home, number)
        rows = f"select * replace ({ledger.row_digest(AUDIT_KEY)} as digest) from '{entry.folder / ledger.CHANGES}'"
        with duckdb.connect() as connection:
            connection.execute(f"create table sealed as {rows}", ledger.pad_parameters(AUDIT_KEY))
            connection.table("sealed").order("position").write_parquet(str(entry.folder / ledger.CHANGES))
        head = ledger.head_of(entry.former, entry.folder)
        former = {"head": head, "former": entry.former, "seal": ledger.seal_of(head, AUDIT_KEY)}
        (entry.folder / ledger.HEAD).write_bytes(canonical(former))
    world.show(home, "publication-1")
    return home


def test_publications_of_before_are_verified_with_the_former_key(former: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = verify(former)
    assert verdict.problems == ()
    [remark] = verdict.remarks
    assert remark.startswith("000002-publication-1 : publiée sans empreinte de sa copie")
    sign_with(monkeypatch, KEY)  # the key is new, nothing was published since
    assert verify(former).problems == ()
    publish(former, 2)
    assert (verify(former).problems, verify(former).remarks) == ((), ())
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", "")
    assert verify(former).problems == ()
    assert verify(former).remarks == (
        "2 sceau(x) d'avant les signatures non vérifiés : CYBERIMPACT_AUDIT_KEY est absente.",
    )


@pytest.mark.parametrize("key", [AUDIT_KEY, "a key of the forger"])
def test_what_was_sealed_before_is_still_held_against_its_seal(
    former: Home, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    edit_row(former)
    forge_chain(former, None)
    for folder in ledger.folders(former):
        head = json.loads((folder / ledger.HEAD).read_bytes())
        seal = ledger.seal_of(head["head"], "a key of the forger")
        (folder / ledger.HEAD).write_bytes(canonical({**head, "seal": seal}))
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", key)
    problems = verify(former).problems
    said = "ligne modifiée" if key == AUDIT_KEY else "n'est pas ce que le registre a enregistré"
    assert any(said in problem for problem in problems), problems
    assert any("le sceau est faux" in problem for problem in problems) == (key == AUDIT_KEY)


# ---- an erasure rewrites a copy


def test_an_erasure_is_no_tampering_and_hides_none(audited: Home) -> None:
    with rewriting.recorded(audited):
        delete_value(audited)
    [problem] = verify(audited).problems  # what was erased is signed anew, the figures must still be those recorded
    assert problem.startswith("Copie publiée : visits month 2026-10-01 ZZ")
    edit_reading(audited)
    assert any("rpt_kpi a été modifiée" in problem for problem in verify(audited).problems)
    with rewriting.recorded(audited):
        comment(audited)
    assert any("rpt_kpi a été modifiée" in problem for problem in verify(audited).problems)


def test_the_command_that_erases_a_person_signs_the_copy_anew(audited: Home) -> None:
    person = "p_" + "0123456789abcdef" * 2
    draft = prepare(audited, 3)
    file = world.write_copy(audited, draft.publication_id)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"create table kpi.mention as select '{person}' as author, 1 as mention_id")
    ledger.commit(ledger.finish(draft, copy_digests.of_copy(file)))
    point(audited, draft.publication_id)
    assert verify(audited).problems == ()
    CliRunner().invoke(main.app, ["purge", "--pseudonym", person])
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("from kpi.mention").fetchall() == []
    assert verify(audited, public_keys=PUBLIC).problems == ()
    file.write_bytes(file.read_bytes() + b" ")
    assert verify(audited).problems


def test_an_erasure_cannot_be_pretended(audited: Home) -> None:
    edit_reading(audited)
    digests = copy_digests.of_copy(copy_of(audited))
    pretended = rewriting.Rewriting("publication-2", rewriting.REASON, "2026-11-03T05:00:00+00:00", digests)
    forger = signing.sign(Ed25519PrivateKey.generate(), "rewritten copy", pretended.content)
    for forged in (pretended, replace(pretended, **forger)):
        rows = json.dumps({**forged.content, "key": forged.key, "signature": forged.signature})
        (audited.ledger / ledger.REWRITTEN).write_text(rows)
        assert any("rpt_kpi a été modifiée" in problem for problem in verify(audited).problems)


# ---- files that are none


def test_a_file_that_cannot_be_read_gives_a_sentence(audited: Home) -> None:
    path = first(audited) / ledger.CHANGES
    path.unlink()
    path.mkdir()
    assert any("changes.parquet a été retiré" in problem for problem in verify(audited).problems)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (ledger.HEAD, b"[]"),
        (ledger.HEAD, b'{"head": 3, "former": 4, "seal": 7}'),
        (ledger.HEAD, b"[" * 100_000),
        (ledger.HEAD, b"\xff\xfe"),
        (ledger.PUBLICATION, b"null"),
        (ledger.PUBLICATION, b'{"publication_id": "publication-0"}'),
    ],
)
def test_a_malformed_publication_is_named(audited: Home, name: str, content: bytes) -> None:
    (first(audited) / name).write_bytes(content)
    assert any("000001-publication-0 : inséré ou abîmé" in problem for problem in verify(audited).problems)
    with pytest.raises(ledger.DamagedPublicationError):
        prepare(audited, 3)


@pytest.mark.parametrize("value", ["é", 5, ["x"], {"a": 1}, "0" * 127])
@pytest.mark.parametrize("field", ["key", "signature", "seal"])
def test_a_malformed_seal_is_an_alarm(
    audited: Home, monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    monkeypatch.setenv("CYBERIMPACT_AUDIT_KEY", AUDIT_KEY)
    path = ledger.folders(audited)[2] / ledger.HEAD
    path.write_bytes(canonical({**json.loads(path.read_bytes()), field: value}))
    assert verify(audited).problems


def test_what_no_text_holds_does_not_command_the_terminal(audited: Home) -> None:
    (first(audited) / "\x1b[2Jnote\udcff").write_text("")
    [problem] = verify(audited).problems
    assert problem.isprintable()
    assert CliRunner().invoke(main.app, ["audit", "verify"]).exit_code == 1


@effort(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_corrupted_bytes_are_found_and_never_a_traceback(audited: Home, data: st.DataObject) -> None:
    corrupt_and_verify(audited, data)


@pytest.mark.proof
@effort(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_many_corrupted_bytes_are_found(audited: Home, data: st.DataObject) -> None:
    corrupt_and_verify(audited, data)


def corrupt_and_verify(audited: Home, data: st.DataObject) -> None:
    files = [*audited.ledger.rglob("*.json"), *audited.ledger.rglob("*.parquet"), *audited.evidence.rglob("*.*")]
    path = data.draw(st.sampled_from(sorted(file for file in files if file.is_file())))
    sound = path.read_bytes()
    place = data.draw(st.integers(0, len(sound) - 1))
    noise = data.draw(st.binary(max_size=20))
    corrupted = sound[:place] + noise + sound[place + data.draw(st.sampled_from([len(noise), 0, len(sound)])) :]
    try:
        path.write_bytes(corrupted)
        problems = verify(audited).problems
    finally:
        path.write_bytes(sound)
    assert bool(problems) == (corrupted != sound)


@effort(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from([keyring.RECORD, ledger.REWRITTEN, "../evidence/purged.jsonl"]))
def test_a_corrupted_record_is_never_a_traceback(audited: Home, content: bytes, name: str) -> None:
    (audited.ledger / name).write_bytes(content)
    verify(audited)
