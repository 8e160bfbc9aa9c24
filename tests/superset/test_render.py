"""The bundle in Superset's own format: the same bytes each time, and an empty Superset imports it whole."""

import subprocess
import zipfile
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from supersync import bundle as bundles
from supersync import plan
from supersync.errors import SupersetFailure
from supersync.render import render

from tests.superset import small_manifest
from tests.superset.conftest import BUNDLE, PYTHON, SERVER, run
from tests.superset.edits import set_field


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return bundles.load(BUNDLE, small_manifest.write(tmp_path_factory.mktemp("manifest")))


def contents(file: Path) -> dict[tuple[str, UUID], dict]:
    """Return the objects of an export, by kind and identity."""
    with zipfile.ZipFile(file) as archive:
        read = {name: yaml.load(archive.read(name), bundles.LOADER) for name in archive.namelist()}
    return {
        (name.split("/")[1].removesuffix("s"), UUID(config["uuid"])): config
        for name, config in read.items()
        if "uuid" in config
    }


def test_a_bundle_is_written_as_the_same_bytes_without_any_address(whole, tmp_path):
    count = render(whole, tmp_path / "a.zip")
    render(whole, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert count == len(list(whole)) + 1  # metadata.yaml
    addresses = {
        config["sqlalchemy_uri"] for (kind, _), config in contents(tmp_path / "a.zip").items() if kind == "database"
    }
    assert addresses == {"duckdb:////serving.duckdb", "duckdb:////live.duckdb"}


def test_a_folder_holds_the_files_of_the_archive_and_is_never_mixed_with_others(whole, tmp_path):
    render(whole, tmp_path / "bundle.zip")
    render(whole, tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        packed = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
    written = {
        str(file.relative_to(tmp_path / "folder")): file.read_bytes() for file in (tmp_path / "folder").rglob("*.yaml")
    }
    assert written == packed
    with pytest.raises(SupersetFailure, match="exists already"):
        render(whole, tmp_path / "folder")


def test_a_bundle_with_problems_is_not_written(workshop, tmp_path):
    set_field(workshop / "charts" / "perception" / "experiences.yaml", "metrics", ["nothing"])
    spoilt = bundles.load(workshop, small_manifest.write(tmp_path))
    with pytest.raises(SupersetFailure, match="declares no metric nothing"):
        render(spoilt, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_an_empty_superset_imports_the_archive_and_exports_the_same(server, bundle, tmp_path):
    environment = server.environment | {
        "SUPERSET_HOME": str(tmp_path / "home"),
        "SUPERSET_CONFIG_PATH": str(SERVER.with_name("superset_config.py")),
        "FLASK_APP": "superset.app:create_app()",
    }
    assert run("init", environment).returncode == 0
    render(bundle, tmp_path / "bundle.zip")
    for verb in (("import-dashboards", "-p", "bundle.zip", "-u", "admin"), ("export-dashboards", "-f", "exported.zip")):
        done = subprocess.run(
            [PYTHON.with_name("superset"), *verb],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    exported = contents(tmp_path / "exported.zip")
    shown = {chart.declared["dataset"] for chart in bundle.charts}
    expected = [asset for asset in bundle if asset.kind in {"chart", "dashboard"} or asset.slug in shown]
    assert {(asset.kind, asset.uuid) for asset in expected} <= exported.keys()
    differing = {
        (asset.kind, asset.slug): list(map(str, found))
        for asset in expected
        if (found := plan.differences(asset.kind, exported[asset.kind, asset.uuid], asset.config))
    }
    assert differing == {}
