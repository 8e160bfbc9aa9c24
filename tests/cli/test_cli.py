"""The command line as people and programs meet it: results on stdout, all else on stderr, and no bare stack trace."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from cli import supervisor
from cli.commands import load
from core import settings
from core.settings import Home
from orchestration import execution
from tests.handmade import write_copy, write_warehouse

CYBERIMPACT = Path(sys.executable).with_name("cyberimpact")

TABLES = """
create schema perception;
create table perception.fct_experience as
    select * from (values ('1', 'positif', date '2023-01-31', 0.25::decimal(18, 6)), ('2', null, null, null))
    as rows(experience_id, feeling, published_on, share);
create schema audit;
create table audit.publication as select '20260101T000000Z-abcdef' as publication_id, date '2026-01-02' as data_as_of;
set TimeZone = 'UTC';
create table audit.freshness as
    select 'services_publics_plus' as platform, now()::timestamp - interval 1 hour as last_loaded_at,
    date '2026-01-02' as data_as_of;
"""

LIVE_STATE = """
set TimeZone = 'UTC';
create schema signals;
create table signals.live_state as select * from (values
    ('listening', now()::timestamp - interval 10 minute),
    ('brigade_numerique', null)
) as rows(platform, last_loaded_at);
"""


@dataclass(frozen=True)
class Done:
    """What a verb left: its exit code and both streams."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """Return the sentence on stderr of a verb that failed as expected."""
        assert self.code == 1, self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.strip()
        return " ".join(self.err.split())


Run = Callable[..., Done]


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001
    """Run a verb in this process, through the entry point."""
    from cli.main import main

    def verb(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["cyberimpact", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Done(code, *capsys.readouterr())

    return verb


@pytest.fixture
def published_home(home: Home) -> Home:
    write_copy(home, TABLES)
    return home


QUERY = "select experience_id, feeling, published_on from perception.fct_experience order by experience_id"


@pytest.mark.usefixtures("published_home")
class TestQuery:
    def test_a_table_by_default(self, run: Run) -> None:
        done = run("query", QUERY)
        assert done.code == 0
        assert done.err == ""
        for word in ("experience_id", "feeling", "positif", "2023-01-31"):
            assert word in done.out

    def test_csv(self, run: Run) -> None:
        done = run("query", QUERY, "--format", "csv")
        assert (done.code, done.err) == (0, "")
        assert list(csv.reader(io.StringIO(done.out))) == [
            ["experience_id", "feeling", "published_on"],
            ["1", "positif", "2023-01-31"],
            ["2", "", ""],
        ]

    def test_json(self, run: Run) -> None:
        done = run("query", QUERY, "--format", "json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == [
            {"experience_id": "1", "feeling": "positif", "published_on": "2023-01-31"},
            {"experience_id": "2", "feeling": None, "published_on": None},
        ]

    def test_a_number_is_a_number_in_json(self, run: Run) -> None:
        sql = "select share, 3::hugeint as n, 1.5::double as d from perception.fct_experience"
        done = run("query", sql, "--format", "json")
        assert json.loads(done.out)[0] == {"share": 0.25, "n": 3, "d": 1.5}

    def test_json_is_json_whatever_the_values(self, run: Run) -> None:
        def refuse(constant: str) -> None:
            pytest.fail(f"{constant} is no JSON")

        values = "'nan'::double as a, 'infinity'::double as b, [1, 2] as c, {'x': date '2026-01-01'} as d"
        sql = f"select {values}, '\x01é\"' as e"
        (row,) = json.loads(run("query", sql, "--format", "json").out, parse_constant=refuse)
        assert row["c"] == [1, 2]
        assert row["d"] == {"x": "2026-01-01"}
        assert row["e"] == '\x01é"'

    def test_two_columns_of_one_name_are_both_told(self, run: Run) -> None:
        done = run("query", "select 'left' as a, 'right' as a", "--format", "json")
        assert "left" in done.out + done.err
        assert "right" in done.out + done.err

    def test_no_row(self, run: Run) -> None:
        sql = "select experience_id from perception.fct_experience where false"
        assert run("query", sql, "--format", "csv").out == "experience_id\n"
        assert json.loads(run("query", sql, "--format", "json").out) == []
        assert run("query", sql).code == 0

    @pytest.mark.parametrize("text", ["[bold]gras[/bold]", "[MAIL] et [TÉLÉPHONE]", "[/fin]", "é œ €", "x" * 150])
    def test_a_table_shows_the_text_as_it_is(self, run: Run, text: str) -> None:
        done = run("query", f"select '{text}' as texte, '{'y' * 100}' as autre")
        assert done.code == 0
        shown = "".join(done.out.split("\n"))
        assert text in shown, "cut or changed"
        assert "y" * 100 in shown

    @pytest.mark.parametrize(
        "sql",
        [
            "selekt 1",
            "select * from absent",
            "delete from perception.fct_experience",
            "select * from read_text('/etc/hostname')",
            "set threads = 1",
            "select cast('x' as integer)",
            "",
            ";",
            "/* rien */",
        ],
    )
    def test_what_cannot_be_answered_is_said_on_stderr(self, run: Run, sql: str) -> None:
        for form in ("table", "csv", "json"):
            assert run("query", sql, "--format", form).refused()

    def test_more_than_one_query_is_refused_not_half_answered(self, run: Run) -> None:
        assert run("query", "select 'first'; select 'second'").refused()

    def test_an_unknown_format_is_a_wrong_call(self, run: Run) -> None:
        done = run("query", QUERY, "--format", "xml")
        assert done.code == 2
        assert done.out == ""
        assert "json" in done.err


def test_a_reader_that_has_seen_enough_gets_no_stack_trace(published_home: Home) -> None:
    """As in `cyberimpact query … --format csv | head -1`."""
    with subprocess.Popen(
        [CYBERIMPACT, "query", "select range as number from range(300000)", "--format", "csv"],
        env=os.environ | {"CYBERIMPACT_HOME": str(published_home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "number\n"
        process.stdout.close()
        assert process.stderr.read() == ""


def test_the_real_command_keeps_its_streams_apart(published_home: Home, tmp_path: Path) -> None:
    environment = os.environ | {"CYBERIMPACT_HOME": str(published_home.root)}

    def real(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [CYBERIMPACT, *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = real("query", QUERY, "--format", "json")
    assert (good.returncode, good.stderr) == (0, "")
    assert len(json.loads(good.stdout)) == 2
    bad = real("query", "x")
    Done(bad.returncode, bad.stdout, bad.stderr).refused()
    assert not list(tmp_path.glob("*.tmp")), "nothing is written where the command is run"


class TestEmptyHome:
    def test_a_query_says_what_to_do(self, run: Run) -> None:
        assert "cyberimpact publish" in run("query", QUERY).refused()

    def test_an_unknown_platform_lists_the_known_ones(self, run: Run) -> None:
        assert "services_publics_plus" in run("load", "percevel").refused()

    @pytest.mark.parametrize("file", ["absent.csv", "."])
    def test_a_file_that_is_none_is_named(self, run: Run, file: str) -> None:
        assert file in run("load", "services_publics_plus", "--file", file).refused()

    def test_a_file_belongs_to_one_platform(self, run: Run) -> None:
        assert "several are named" in run("load", "jdma", "partoo", "export.csv").refused()

    def test_each_file_has_its_own_outcome_and_those_that_are_good_load(self, run: Run, tmp_path: Path) -> None:
        header = ("stats_id", "debut", "fin", "dpt_unite", "pers_physique", "pers_morale")
        labels = ",".join(name if name == "stats_id" else f"stats_{name}" for name in header)
        labels = labels.replace("debut", "debut_declaration").replace("fin", "fin_declaration")
        rows = {
            "a": "1,2025-01-02 10:00:00,2025-01-02 10:05:00,33,1,0",
            "b": "1,2025-02-31 10:00:00,,33,1,0",
            "c": "1,2025-01-02 10:00:00,2025-01-02 10:09:00,33,1,0",
        }
        for name, row in rows.items():
            (tmp_path / f"{name}.csv").write_text(f"{labels}\n{row}\n")
        files = [str(tmp_path / f"{name}.csv") for name in ("a", "b", "absent", "c")]
        done = run("load", "pre_plainte", *files)
        assert done.code == 1
        assert done.out.splitlines()[0].startswith("a.csv: pre_plainte: 1 read, 1 new")
        assert "1 rows changed by line 2" in done.out.splitlines()[1]
        assert "every record was refused (1 of 1)" in " ".join(done.err.split())
        assert "absent.csv is neither a platform nor a file" in " ".join(done.err.split())
        assert "2 of 4 loads failed" in " ".join(done.err.split())

    @pytest.mark.parametrize("verb", [("query", "select 1"), ("load", "services_publics_plus")])
    def test_a_home_that_is_no_folder_is_said(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: Sequence[str]
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "file"))
        assert str(tmp_path / "file") in run(*verb).refused()

    @pytest.mark.parametrize("verb", [(), ("kpi",), ("superset",), ("quarantine",)])
    def test_without_a_verb_help_is_shown(self, run: Run, verb: Sequence[str]) -> None:
        done = run(*verb, "--help")
        assert done.code == 0
        assert "Usage" in done.out

    def test_help_lists_the_verbs(self, run: Run) -> None:
        shown = run("--help").out
        for verb in ("load", "build", "publish", "query", "kpi", "superset", "doctor"):
            assert verb in shown


class TestDoctor:
    def findings(self, run: Run) -> dict[str, dict[str, str]]:
        done = run("doctor", "--json")
        assert done.err == ""
        found = json.loads(done.out)
        assert isinstance(found, list)
        for finding in found:
            assert finding.keys() >= {"subject", "state", "detail", "remedy"}
            assert finding["state"] == "ok" or finding["remedy"], "each trouble has its remedy"
        assert done.code == int(any(finding["state"] == "broken" for finding in found))
        return {finding["subject"]: finding for finding in found}

    def test_an_empty_home(self, run: Run) -> None:
        found = self.findings(run)
        assert found["supervisor"]["state"] == "broken"
        assert "make up" in found["supervisor"]["remedy"]
        assert found["publication"]["state"] != "ok"

    def test_files_that_others_may_open_are_named_and_the_remedy_closes_them(self, run: Run, home: Home) -> None:
        home.root.mkdir(mode=0o700)
        (home.root / "warehouse.duckdb").touch(mode=0o600)
        assert self.findings(run)["files"]["state"] == "ok"
        (home.root / "warehouse.duckdb").chmod(0o640)
        (home.root / "logs").mkdir()
        (home.root / "logs").chmod(0o755)
        finding = self.findings(run)["files"]
        assert (finding["state"], finding["detail"]) == (
            "broken",
            "2 are open to other accounts: home/logs, home/warehouse.duckdb",
        )
        subprocess.run(finding["remedy"], shell=True, check=True)
        assert self.findings(run)["files"]["state"] == "ok"

    def test_a_wrong_file_of_the_configuration_is_named(self, run: Run, home: Home) -> None:
        home.config.mkdir(parents=True)
        (home.config / "accounts.yml").write_text("accounts:\n- {network: minitel, account: x}\n")
        finding = self.findings(run)["config/accounts.yml"]
        assert (finding["state"], "accounts.yml" in finding["detail"]) == ("broken", True)

    def test_lines_for_people_say_the_same(self, run: Run) -> None:
        shown = run("doctor").out
        for subject, finding in self.findings(run).items():
            (line,) = [line for line in shown.splitlines() if f" {subject} " in f"{line} "]
            assert finding["state"] in line
            assert finding["remedy"] in line

    @pytest.mark.parametrize(("value", "state"), [("", "late"), ("a secret", "broken"), ("A" * 43, "ok")])
    def test_the_key_that_signs(self, run: Run, monkeypatch: pytest.MonkeyPatch, value: str, state: str) -> None:
        monkeypatch.setenv("CYBERIMPACT_LEDGER_SIGNING_KEY", value)
        finding = self.findings(run)["CYBERIMPACT_LEDGER_SIGNING_KEY"]
        assert finding["state"] == state
        assert "a secret" not in finding["detail"]

    @pytest.mark.usefixtures("published_home")
    def test_a_published_home(self, run: Run) -> None:
        found = self.findings(run)
        assert found["publication"]["state"] == "ok"
        assert "2026-01-02" in found["publication"]["detail"]
        assert found["services_publics_plus"]["state"] == "ok"

    def test_a_platform_that_is_late(self, run: Run, home: Home) -> None:
        write_copy(home, TABLES.replace("interval 1 hour", "interval 10 day"))
        found = self.findings(run)["services_publics_plus"]
        assert found["state"] == "late"
        assert "cyberimpact load services_publics_plus" in found["remedy"]

    def test_a_file_that_waits_in_the_inbox(self, run: Run, home: Home) -> None:
        drop_folder = home.drop / "services_publics_plus"
        drop_folder.mkdir(parents=True)
        (drop_folder / "export.csv").touch()
        found = self.findings(run)
        assert "export.csv" in found["drop/services_publics_plus"]["detail"]

    def test_a_build_that_was_interrupted(self, run: Run, home: Home) -> None:
        write_warehouse(home, nodes={"kpi_value": "running"})
        found = self.findings(run)["build"]
        assert found["state"] == "broken"
        assert "cyberimpact build" in found["remedy"]

    def test_a_warehouse_that_cannot_be_read(self, run: Run, home: Home) -> None:
        home.root.mkdir()
        home.warehouse.write_bytes(b"this is no database" * 1000)
        assert self.findings(run)["build"]["state"] == "broken"

    def test_a_published_copy_that_cannot_be_read(self, run: Run, published_home: Home) -> None:
        copy = published_home.published / "daily" / "current" / "serving.duckdb"
        copy.resolve().write_bytes(b"this is no database" * 1000)
        assert self.findings(run)["publication"]["state"] == "broken"

    def test_a_warehouse_that_somebody_has_open(self, run: Run, home: Home) -> None:
        """By hand, without the lock: DuckDB lets nobody else in."""
        write_warehouse(home)
        program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", program, str(home.warehouse)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "open\n"
                assert str(process.pid) in self.findings(run)["build"]["detail"]
            finally:
                process.kill()

    def test_a_port_that_is_no_number(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(supervisor, "supervisor_pid", os.getpid)
        monkeypatch.setenv("CYBERIMPACT_SANDBOX_PORT", "eighty")
        done = run("doctor", "--json")
        assert done.code == 1
        assert "CYBERIMPACT_SANDBOX_PORT" in done.out + done.err

    @pytest.mark.usefixtures("published_home")
    def test_a_live_platform_is_as_late_as_its_last_micro_batch(self, run: Run, home: Home) -> None:
        """The daily copy knows its loads of the last daily build only."""
        assert "never loaded" in self.findings(run)["listening"]["detail"]
        write_copy(home, LIVE_STATE, target="live", file_name="live_serving.duckdb")
        found = self.findings(run)
        assert found["listening"]["state"] == "ok"
        assert found["brigade_numerique"]["detail"] == "never loaded"

    @pytest.mark.usefixtures("published_home")
    def test_a_live_copy_of_an_older_version_is_no_trouble(self, run: Run, home: Home) -> None:
        older = "create schema signals; create table signals.live_state as select 'listening' as platform"
        write_copy(home, older, target="live", file_name="live_serving.duckdb")
        found = self.findings(run)
        assert found["listening"]["detail"] == "never loaded"
        assert found["services_publics_plus"]["state"] == "ok"

    @pytest.mark.usefixtures("published_home")
    @pytest.mark.parametrize("zone", ["UTC", "ABC-3", "ABC+3"])
    def test_a_load_is_as_old_wherever_the_machine_stands(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, zone: str
    ) -> None:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", zone)
            time.tzset()
            detail = self.findings(run)["services_publics_plus"]["detail"]
        time.tzset()
        assert detail == "loaded 1 h ago"

    def test_every_program_is_told_of(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """The scheduler answers on no port; whether it runs matters most of all."""
        monkeypatch.setattr(supervisor, "supervisor_pid", os.getpid)
        assert self.findings(run).keys() >= {program.name for program in supervisor.programs()}


KPI_VALUES = """
create schema audit;
create table audit.publication as select date '2024-12-31' as data_as_of;
create schema kpi;
create table kpi.kpi_value as select * from (values
    ('experiences', 'month', date '2023-01-01', 'nation', 'FR', 'total', 'total', 10::decimal(18, 6)),
    ('experiences', 'month', date '2023-02-01', 'nation', 'FR', 'total', 'total', 1234567::decimal(18, 6)),
    ('experiences', 'month', date '2023-03-01', 'nation', 'FR', 'scope', 'gendarmerie', 5::decimal(18, 6)),
    ('experiences', 'month', date '2023-04-01', 'departement', 'FR-33', 'total', 'total', 6::decimal(18, 6)),
    ('experiences', 'year', date '2024-01-01', 'nation', 'FR', 'total', 'total', 7::decimal(18, 6)),
    ('positive_share', 'month', date '2023-02-01', 'nation', 'FR', 'total', 'total', 0.25::decimal(18, 6)),
    ('positive_share', 'month', date '2023-03-01', 'nation', 'FR', 'total', 'total', null),
    ('iggn_complaints', 'year', date '2022-01-01', 'nation', 'FR', 'total', 'total', 11::decimal(18, 6)),
    ('iggn_complaints', 'year', date '2023-01-01', 'nation', 'FR', 'total', 'total', 12::decimal(18, 6)),
    ('victims_assisted', 'month', date '2023-02-01', 'nation', 'FR', 'total', 'total', 40::decimal(18, 6)),
    ('victims_assisted', 'month', date '2023-03-01', 'nation', 'FR', 'total', 'total', null)
) as rows(
    kpi_code, period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value, value
);
alter table kpi.kpi_value add column is_suppressed boolean;
update kpi.kpi_value set is_suppressed = value is null and kpi_code = 'victims_assisted';
"""

CODES = {f"response_time_{rank}" for rank in ("median", "p75", "p90")} | {
    "experiences",
    "positive_share",
    "answer_rate",
}
GOVERNED = {"label", "pillar", "definition", "formula", "unit", "direction", "owner", "refresh", "sensitivity"}


class TestKpi:
    """One home is shared, for dbt takes seconds to read its project; the published copy comes and goes in it."""

    @pytest.fixture(scope="class")
    def parsed(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("parsed")

    @pytest.fixture
    def home(self, parsed: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
        monkeypatch.setenv("CYBERIMPACT_HOME", str(parsed))
        return settings.home()

    def test_before_anything_is_published_the_list_is_one_array_of_every_kpi(self, run: Run) -> None:
        done = run("kpi", "list", "--json")
        assert (done.code, done.err) == (0, "")
        kpis = json.loads(done.out)
        codes = [kpi["code"] for kpi in kpis]
        assert codes == sorted(set(codes))
        assert set(codes) > CODES
        for kpi in kpis:
            assert not [field for field in GOVERNED if not kpi[field]], kpi["code"]
            assert kpi["latest_value"] is None

    def test_the_latest_period_of_the_nation_is_shown_once_published(self, run: Run, home: Home) -> None:
        write_copy(home, KPI_VALUES)
        kpis = {kpi["code"]: kpi for kpi in json.loads(run("kpi", "list", "--json").out)}
        assert (kpis["experiences"]["latest_period"], kpis["experiences"]["latest_value"]) == ("2023-02", 1234567)
        assert (kpis["positive_share"]["latest_period"], kpis["positive_share"]["latest_value"]) == ("2023-02", 0.25)
        assert (kpis["iggn_complaints"]["latest_period"], kpis["iggn_complaints"]["latest_value"]) == ("2023", 12)
        assert kpis["answer_rate"]["latest_value"] is None
        victims = kpis["victims_assisted"]
        assert (victims["latest_period"], victims["latest_value"], victims["is_suppressed"]) == ("2023-03", None, True)
        assert "non diffusée" in run("kpi", "show", "victims_assisted").out
        assert "1234567" in re.sub(r"[\s\u00a0\u202f]", "", run("kpi", "list").out), "to the last digit"
        shown = json.loads(run("kpi", "show", "experiences", "--json").out)
        assert shown == kpis["experiences"]

    def test_a_kpi_is_shown_in_french(self, run: Run) -> None:
        done = run("kpi", "show", "answer_rate")
        assert done.code == 0
        for word in ("Définition", "Formule", "Responsable"):
            assert word in done.out

    def test_an_unknown_code_lists_the_known_ones(self, run: Run) -> None:
        sentence = run("kpi", "show", "taux").refused()
        assert all(code in sentence for code in CODES)


def test_one_bad_file_of_an_inbox_stops_no_other_and_fails_the_load(tmp_path, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path))
    drop_folder = tmp_path / "drop" / "pre_plainte"
    drop_folder.mkdir(parents=True)
    for name in ("a_bad.csv", "b_good.csv"):
        (drop_folder / name).write_text("x")
    (drop_folder / "c_link.csv").symlink_to(drop_folder / "b_good.csv")

    def run_job(_, config):
        file = Path(config["ops"]["pre_plainte"]["config"]["file"])
        failures = ["pre_plainte, file a_bad.csv: the header is not recognised."] if file.name == "a_bad.csv" else []
        metadata = {} if failures else {dg.AssetKey("a"): {"summary": "pre_plainte: 1 new"}}
        return execution.Outcome("run", not failures, metadata, failures)

    monkeypatch.setattr(load, "run_job", run_job)
    link, bad, good = load.load_all(load.wanted(["pre_plainte"], []))
    assert "c_link.csv is a symbolic link" in str(link)
    assert "a_bad.csv: the header" in str(bad)
    assert good == "b_good.csv: pre_plainte: 1 new"
