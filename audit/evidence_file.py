"""Makes the file that an auditor keeps of one figure: a ZIP archive, which any machine opens.

Its `LISEZMOI.txt` says what each of its files is. It holds what the auditor's right covers, like the trace that it is
made of.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from audit import ledger, report
from audit.tracing import PublishedCell, Trace, has_small_cells, readable_records
from core import clock

#: What a spreadsheet would take for a formula at the beginning of a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_READ_ME = """\
Preuve d'un chiffre de cyberimpact
{name}
Fichier fait le {now}, depuis la publication {sequence} ({head}).

chiffre.json           Le chiffre, sa définition, sa publication, les chargements, les contrôles et le recalcul (JSON,
                       UTF-8). « published » est ce qui a été montré, « recomputed » ce que redonnent les preuves,
                       « agrees » dit si les deux sont égaux.
calcul.sql             La formule, telle qu'elle a été exécutée (SQL, DuckDB).
publication/           Ce que le registre a signé : « head.json » (tête de chaîne, empreinte de la clé, signature).
                       La signature Ed25519 porte sur le texte {{"content": {{"head": …}}, "kind": "publication"}},
                       écrit en JSON trié, une espace de retrait, en UTF-8.
preuves.csv            Les fichiers de preuve sur lesquels repose le chiffre : mois et SHA-256 (CSV, UTF-8, virgule).
{records}
Vérifier la signature demande la clé publique qui vous a été remise ; la page « Vérifier » la donne aussi.
"""
_RECORDS = """\
enregistrements.csv    Les enregistrements sources que compte le chiffre et que vous pouvez lire : clé, jour,
                       territoire, ventilations, numérateur, dénominateur (CSV, UTF-8, virgule, point décimal). Un
                       texte qu'un tableur prendrait pour une formule est précédé d'une apostrophe. D'une plateforme
                       dont les données brutes sont dans le lac, ce sont leurs totaux journaliers, et preuves.csv
                       nomme la liste des fichiers bruts avec leurs empreintes.
"""
_NO_RECORDS = """\
Les enregistrements sources n'y sont pas : ils compteraient de petits effectifs de victimes, ou ne sont plus conservés.
"""


def archive(trace: Trace) -> bytes:
    """Return the archive of a figure.

    Args:
        trace: The figure, of whose reader everything in the archive is.
    """
    shown = trace.shown
    records = _records(trace)
    files = {
        "LISEZMOI.txt": _READ_ME.format(
            name=report.name_of(shown),
            now=report.in_french(clock.now()),
            sequence=shown.entry.sequence,
            head=shown.entry.reference,
            records=_NO_RECORDS if records is None else _RECORDS,
        ),
        "chiffre.json": json.dumps(_without_copy(report.as_json(trace)), default=str, ensure_ascii=False, indent=1),
        "calcul.sql": shown.definition.sql,
        f"publication/{ledger.HEAD}": (shown.entry.folder / ledger.HEAD).read_text(encoding="utf-8"),
        "preuves.csv": _csv(["mois", "sha256"], _files(shown)),
    }
    if records is not None:
        files["enregistrements.csv"] = records
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return made.getvalue()


def name_of(shown: PublishedCell) -> str:
    """Return the name under which an archive is kept."""
    cell = shown.cell
    parts = [cell.code, str(cell.period), cell.territory, f"publication-{shown.entry.sequence}"]
    return f"{'_'.join(parts)}.zip"


def _without_copy(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was signed of the published copy: numbers of rows of every table and territory."""
    publication = {name: value for name, value in found["publication"].items() if name != "copy"}
    return {**found, "publication": publication}


def _files(shown: PublishedCell) -> list[tuple[str, str]]:
    found = sorted((month, file["sha256"]) for month, file in shown.files.items() if month in shown.months)
    return [*found, ("fichiers bruts du lac", shown.raw_files or "")] if shown.is_by_day else found


def _records(trace: Trace) -> str | None:
    """Return every record of a figure that its reader may see, None where none is shown."""
    shown = trace.shown
    if trace.records.number is None or has_small_cells(shown.definition):
        return None
    with shown.evidence() as connection:
        statement, parameters = readable_records(shown)
        found = connection.execute(f"{statement} order by all", parameters)
        return _csv([column[0] for column in found.description or ()], found.fetchall())


def _csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
