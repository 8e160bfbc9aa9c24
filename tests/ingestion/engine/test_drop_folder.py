"""The drop folder of a platform: what is read of it, under which name, and what is refused with a sentence."""

import os
import socket

import pytest

from core.errors import ExpectedFailure
from ingestion.engine import drop_folder


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "drop" / "pre_plainte"
    folder.mkdir(parents=True)
    return folder


def test_only_files_are_read_and_the_rest_is_refused_with_a_sentence(folder, tmp_path, monkeypatch):
    secret = tmp_path / "secret.csv"
    secret.write_text("a;b")
    (folder / "logs_2025.csv").write_text("a;b")
    (folder / "link.csv").symlink_to(secret)
    (folder / "hanging.csv").symlink_to(tmp_path / "nowhere")
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    monkeypatch.chdir(folder)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.csv")
        assert drop_folder.waiting(folder) == [folder / "logs_2025.csv"]
        assert drop_folder.refused(folder) == [
            f"drop/pre_plainte/{name}.csv is {kind}, not a file: it is not read."
            for name, kind in [
                ("folder", "a folder"),
                ("hanging", "a symbolic link"),
                ("link", "a symbolic link"),
                ("pipe", "a pipe"),
                ("socket", "a socket"),
            ]
        ]


def test_a_link_that_took_the_place_of_a_file_is_not_followed(folder, tmp_path):
    (tmp_path / "secret.csv").write_text("a;b")
    (folder / "logs.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(ExpectedFailure, match="symbolic link"):
        drop_folder.found(str(folder / "logs.csv"))


def test_a_name_that_holds_personal_data_is_changed_before_anything_keeps_it(folder):
    for name, content in [("DUPONT_Jean_2025.csv", "1"), ("MARTIN_Paul_2025.csv", "2"), ("06 98 76 54 32.csv", "3")]:
        (folder / name).write_text(content)
    waiting = drop_folder.waiting(folder)
    assert [path.name for path in waiting] == ["[NOM]_2025 (2).csv", "[NOM]_2025.csv", "[TÉLÉPHONE].csv"]
    assert sorted(path.read_text() for path in waiting) == ["1", "2", "3"]
    assert drop_folder.waiting(folder) == waiting


def test_the_path_of_a_file_that_is_given_elsewhere_stays_in_this_process(tmp_path):
    file = tmp_path / "jean.dupont" / "a.csv"
    token = drop_folder.give(file)
    assert "dupont" not in token
    assert drop_folder.found(token) == file
    with pytest.raises(ExpectedFailure, match="Give it again"):
        drop_folder.found("given:0")
