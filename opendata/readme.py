"""The page in French that goes with each dataset."""

from opendata import tables
from opendata.declaration import Dataset, Declaration
from opendata.tables import Row

_PAGE = """\
# {title}

{description}

Publication `{publication_id}`. Licence : `{licence}`.

## Indicateurs

{kpis}
{slice}
## Colonnes

| colonne | sens |
|---|---|
{columns}

Une ligne absente vaut zéro. Le CSV est en UTF-8, avec virgule et point décimal ; `schema.json` est son Table Schema.

## Secret

{secret}

## Vérifier

Dans le dossier parent, `sha256sum -c SHA256SUMS` vérifie les fichiers ; `signature.json` y nomme la publication du
registre et porte la signature. La liste des données ouvertes a été approuvée par : {signed_by}, le {signed_on}.
"""
_PROTECTED = (
    "{hidden} lignes sur {rows} sont masquées : moins de cinq personnes ou faits, ou une ligne dont ils se "
    "déduiraient par soustraction. Ce qui est publié ne permet de situer aucun effectif masqué à moins de cinq près."
)


def page(
    dataset: Dataset, declared: Declaration, definitions: list[Row], *, publication_id: str, rows: int, hidden: int
) -> str:
    """Return the page of a dataset with so many rows, of which some are hidden."""
    dimension, value = dataset.breakdown
    secret = _PROTECTED.format(hidden=hidden, rows=rows)
    if dataset.unprotected:
        secret = f"Les petits nombres ne sont pas masqués. {dataset.unprotected}"
    return _PAGE.format(
        title=dataset.title,
        description=dataset.description,
        publication_id=publication_id,
        licence=declared.licence,
        kpis="\n".join(map(_kpi, definitions)),
        slice="" if dimension == "total" else f"\nLignes de la ventilation {dimension} = {value} seulement.\n",
        columns="\n".join(f"| `{name}` | {text} |" for name, text in tables.DESCRIPTIONS.items()),
        secret=secret,
        signed_by=declared.signed_by,
        signed_on=declared.signed_at[:10],
    )


def _kpi(kpi: Row) -> str:
    definition, formula = (" ".join(kpi[name].split()) for name in ("definition", "formula"))
    return f"- **{kpi['label']}** (`{kpi['kpi_code']}`, {kpi['unit']}). {definition} Calcul : {formula}"
