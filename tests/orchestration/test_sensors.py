"""A dropped file is loaded once it rests, once for each content, and nothing is loaded that is still being written."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg
import pytest

from core.settings import Home
from ingestion.engine.sent import JSON, read
from ingestion.platforms import PLATFORMS
from operations.inbox import deliveries
from orchestration.jobs import LIVE_PLATFORMS, jobs
from orchestration.sensors import sensors

PLATFORM = "services_publics_plus"

Look = Callable[[], Sequence[dg.RunRequest]]


@pytest.fixture
def drop_folder(home: Home) -> Path:
    folder = home.drop / PLATFORM
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def look(home: Home) -> Look:  # noqa: ARG001
    """Let the sensor look once more at its drop folder, with the cursor that it left."""
    (sensor,) = (sensor for sensor in sensors if sensor.name == f"drop_{PLATFORM}")
    cursor: str | None = None

    def once() -> Sequence[dg.RunRequest]:
        nonlocal cursor
        data = sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))
        cursor = data.cursor
        return data.run_requests or []

    return once


def files(requests: Sequence[dg.RunRequest]) -> list[str]:
    return [step["config"]["file"] for request in requests for step in request.run_config["ops"].values()]


def test_every_platform_that_takes_files_has_an_inbox_that_is_watched() -> None:
    names = {sensor.name for sensor in sensors}
    by_sensor = {platform for platform in PLATFORMS if platform.drops and platform.database != "live"}
    others = {"remote_folders", "inbox", "reaper", "retries", "monitor"}
    assert names == others | {f"drop_{platform.name}" for platform in by_sensor}
    assert {platform for platform in PLATFORMS if platform.drops} - by_sensor <= set(LIVE_PLATFORMS), (
        "watched elsewhere"
    )
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors)


def test_a_file_is_taken_within_a_minute() -> None:
    """Two looks are needed; three must fit into a minute, for the load itself takes its time."""
    (sensor,) = (sensor for sensor in sensors if sensor.name == f"drop_{PLATFORM}")
    assert 0 < 3 * sensor.minimum_interval_seconds <= 60


def test_an_inbox_that_is_absent_holds_nothing(look: Look) -> None:
    assert look() == []
    assert look() == []


def test_a_file_is_loaded_when_two_looks_find_it_the_same(drop_folder: Path, look: Look) -> None:
    file = drop_folder / "export.csv"
    file.write_text("a;b\n1;2\n")
    assert look() == []
    assert files(look()) == [str(file)]


def test_a_file_that_grows_is_waited_for(drop_folder: Path, look: Look) -> None:
    file = drop_folder / "export.csv"
    for size in range(1, 5):
        file.write_text("1;2\n" * size)
        assert look() == []
    assert files(look()) == [str(file)]


def test_a_file_rewritten_in_place_is_waited_for(drop_folder: Path, look: Look) -> None:
    file = drop_folder / "export.csv"
    file.write_text("1;2\n")
    look()
    file.write_text("3;4\n")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert look() == []
    assert files(look()) == [str(file)]


@pytest.mark.parametrize("name", ["export.csv.part", ".export.csv", ".export.csv.swp", ".part"])
def test_what_is_being_written_under_a_name_of_its_own_is_left_alone(drop_folder: Path, look: Look, name: str) -> None:
    (drop_folder / name).write_text("1;2\n")
    assert look() == []
    assert look() == []


def test_folders_are_left_alone(drop_folder: Path, look: Look) -> None:
    (drop_folder / "archive").mkdir()
    (drop_folder / "archive" / "export.csv").write_text("1;2\n")
    assert look() == []
    assert look() == []


def test_a_link_to_nowhere_is_left_alone(drop_folder: Path, look: Look) -> None:
    (drop_folder / "export.csv").symlink_to(drop_folder / "absent.csv")
    assert look() == []
    assert look() == []


def test_a_file_renamed_from_part_is_taken(drop_folder: Path, look: Look) -> None:
    partial = drop_folder / "export.csv.part"
    partial.write_text("1;2\n")
    look()
    look()
    file = partial.rename(drop_folder / "export.csv")
    assert str(file) in [*files(look()), *files(look())]


def test_the_same_content_is_asked_for_under_one_key(drop_folder: Path, look: Look) -> None:
    """Dagster starts one run for each key, however long the file lies there."""
    (drop_folder / "export.csv").write_text("1;2\n")
    look()
    keys = {request.run_key for _ in range(3) for request in look()}
    assert len(keys) == 1


def test_another_content_under_the_same_name_has_another_key(drop_folder: Path, look: Look) -> None:
    file = drop_folder / "export.csv"
    keys = []
    for moment, content in enumerate(("1;2\n", "1;2\n3;4\n", "5;6\n7;8\n")):
        file.write_text(content)
        os.utime(file, ns=(moment, moment))
        look()
        keys += [request.run_key for request in look()]
    assert len(set(keys)) == len(keys) == 3


def test_two_files_have_two_keys(drop_folder: Path, look: Look) -> None:
    for name in ("one.csv", "two.csv"):
        (drop_folder / name).write_text("1;2\n")
    look()
    requests = look()
    assert {Path(name).name for name in files(requests)} == {"one.csv", "two.csv"}
    assert len({request.run_key for request in requests}) == 2


def test_a_file_dropped_again_after_its_load_is_loaded_again(drop_folder: Path, look: Look) -> None:
    """A copy that keeps the time of the original (`cp -p`, `rsync -t`, `mv`) is a new drop all the same."""
    file = drop_folder / "export.csv"
    keys = []
    for _ in range(2):
        file.write_text("1;2\n")
        os.utime(file, ns=(10**18, 10**18))
        look()
        keys += [request.run_key for request in look()]
        file.unlink()
        look()
    assert len(set(keys)) == 2


def test_what_was_loaded_and_removed_is_forgotten(drop_folder: Path, look: Look) -> None:
    file = drop_folder / "export.csv"
    file.write_text("1;2\n")
    look()
    look()
    file.unlink()
    assert look() == []


@pytest.mark.parametrize("name", ["export 2023 (é) n°1.csv", "l'export.csv", "EXPORT.CSV", "export"])
def test_any_name_will_do(drop_folder: Path, look: Look, name: str) -> None:
    (drop_folder / name).write_text("1;2\n")
    look()
    assert files(look()) == [str(drop_folder / name)]


def test_a_name_that_is_no_text_stops_nothing(drop_folder: Path, look: Look) -> None:
    """A name in an older encoding cannot be written into Dagster's history: it must not keep the others from it."""
    Path(os.fsdecode(bytes(drop_folder) + b"/donn\xe9es.csv")).write_text("1;2\n")
    (drop_folder / "export.csv").write_text("1;2\n")
    look()
    requests = look()
    assert str(drop_folder / "export.csv") in files(requests)
    for request in requests:
        assert request.run_key is not None
        request.run_key.encode()


def test_the_job_of_its_platform_is_asked_for() -> None:
    (sensor,) = (sensor for sensor in sensors if sensor.name == f"drop_{PLATFORM}")
    assert sensor.job_name == f"load_{PLATFORM}"


def send(platform: str, entity: str) -> None:
    content = b'{"a": 1}'
    deliveries.keep([deliveries.Sent("essai", platform, entity, read(content, JSON), content)])


def test_what_was_sent_is_loaded_by_one_run_of_its_platform_at_a_time(home: Home) -> None:  # noqa: ARG001
    (sensor,) = (sensor for sensor in sensors if sensor.name == "inbox")
    send("jdma", "reviews")
    send("jdma", "answers")
    send("listening", "mentions")  # live: the process that watches loads it
    with dg.DagsterInstance.ephemeral() as instance:

        def look() -> list[tuple[str | None, str | None]]:
            requests = sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).run_requests or []
            return [(request.job_name, request.run_key) for request in requests]

        first = look()
        assert first == [("load_jdma", "inbox:jdma:1:2")]
        assert look() == first, "Dagster starts one run for each key"
        send("jdma", "reviews")
        assert look() == [("load_jdma", "inbox:jdma:1:4")]
        instance.add_run(dg.DagsterRun("load_jdma", status=dg.DagsterRunStatus.STARTED, tags={"inbox": "yes"}))
        assert look() == []


def test_files_elsewhere_are_fetched_once_two_looks_find_them_the_same(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sensor,) = (sensor for sensor in sensors if sensor.name == "remote_folders")
    folder, cursor = tmp_path / "out", None
    folder.mkdir()
    monkeypatch.setenv("CYBERIMPACT_JDMA_DROP", str(folder))
    monkeypatch.setenv("CYBERIMPACT_PARTOO_DROP", str(tmp_path / "nowhere"))

    def look() -> dict[str, dict]:
        nonlocal cursor
        data = sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))
        cursor = data.cursor
        return {str(one.job_name): dict(one.run_config) for one in data.run_requests or []}

    (folder / "DUPONT_Jean.csv").write_text("a")
    assert {*look()} == {"fetch_partoo"}, "its run says why its folder cannot be listed"
    (folder / "DUPONT_Jean.csv").write_text("a;b")
    assert {*look()} == {"fetch_partoo"}, "it was still being written"
    wanted = look()
    assert "DUPONT" not in str(wanted) + str(cursor)
    assert {*wanted} == {"fetch_jdma", "fetch_partoo"}
    with dg.DagsterInstance.ephemeral() as instance:
        for name, succeeds in (("fetch_jdma", True), ("fetch_partoo", False)):
            job = next(job for job in jobs if job.name == name)
            done = job.execute_in_process(wanted[name], instance=instance, raise_on_error=False)
            assert done.success == succeeds
            failures = [event.step_failure_data.user_failure_data for event in done.all_events if event.is_step_failure]
            assert all("There is no folder file://" in str(failure.description) for failure in failures if failure)
    assert [path.name for path in (home.drop / "jdma").iterdir()] == ["[NOM].csv"]
    assert {*look()} == {"fetch_partoo"}
