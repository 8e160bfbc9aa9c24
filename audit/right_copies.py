"""Holds the copies per right against the published copy that they were made from, by making each anew."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from audit import copy_digests
from warehouse import reader_copies
from warehouse.rights import Right


def problems(published: Path) -> Iterator[str]:
    """Yield in French what the copies per right of a published copy have other than their right gives them.

    Each costs what making it costs, about a second for a département.
    """
    for copy in sorted(published.parent.glob(f"{reader_copies.FOLDER}/*/{published.name}")):
        for difference in _differences(published, copy):
            yield f"Copie du droit {copy.parent.name}, modifiée depuis : {difference}."


def _differences(published: Path, copy: Path) -> Iterator[str]:
    try:
        right = Right.parse(copy.with_name(reader_copies.DECLARATION).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        yield f"{reader_copies.DECLARATION}, qui dit ce qu'elle contient, manque ou est illisible"
        return
    if right.key != copy.parent.name:
        yield f"{reader_copies.DECLARATION} dit un autre droit"
        return
    with tempfile.TemporaryDirectory() as folder:
        remade = Path(folder, copy.name)
        try:
            reader_copies.write(published, remade, right.tables)
            expected = copy_digests.of_tables(remade)
        except duckdb.Error:
            return  # what is wrong with the published copy was said
    yield from copy_digests.table_differences(expected, copy)
