"""What is written as open data: only what is public and signed for, in forms that others read, and untouched."""

import csv
import hashlib
import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyshacl
import pytest
import rdflib
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyarrow import parquet
from typer.testing import CliRunner

from audit import signing
from cli.main import app
from core.errors import ExpectedFailure
from core.settings import Home
from opendata import declaration, package
from tests.opendata.conftest import LIST

SHAPES = Path(__file__).with_name("dcat-ap-3.0.0-shapes.jsonld")
WHEN = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def built(declared: Home, tmp_path: Path) -> Path:
    assert package.build(declared, tmp_path / "out") == ["experiences", "abonnes"]
    return tmp_path / "out"


def rows_of(folder: Path, slug: str) -> list[dict[str, str]]:
    with (folder / slug / f"{slug}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shown(rows: list[dict[str, str]], kpi: str, year: int) -> dict[str, str]:
    wanted = (kpi, f"{year}-01-01")
    return {
        row["code_territoire"]: row["effectif"] for row in rows if (row["indicateur"], row["debut_periode"]) == wanted
    }


def test_small_counts_are_hidden_and_what_would_reveal_them(built: Path) -> None:
    """In 2024, 3 of FR-67 and 1 of ZZ: their neighbours FR-68 and XX protect them, or others as few. 2025 has none."""
    rows = rows_of(built, "experiences")
    hidden = {place for place, count in shown(rows, "experiences", 2024).items() if not count}
    assert {"FR-67", "ZZ"} < hidden
    assert "FR" not in hidden
    assert hidden == {place for place, count in shown(rows, "answer_rate", 2024).items() if not count}
    assert all(shown(rows, "experiences", 2025).values())
    for row in rows:
        assert (row["secret"] == "true") == (row["valeur"] == "") == (row["effectif"] == "")
    assert shown(rows_of(built, "abonnes"), "followers", 2024)["FR-67"] == "3"


def test_the_table_schema_describes_the_csv_and_parquet_says_the_same(built: Path) -> None:
    schema = json.loads((built / "experiences" / "schema.json").read_text("utf-8"))
    rows = rows_of(built, "experiences")
    assert [field["name"] for field in schema["fields"]] == list(rows[0])
    keys = [tuple(row[name] for name in schema["primaryKey"]) for row in rows]
    assert len(set(keys)) == len(keys) == 36
    read = {
        "string": str, "integer": int, "number": Decimal, "date": datetime.fromisoformat,
        "boolean": {"true": True, "false": False}.__getitem__,
    }  # fmt: skip
    for row in rows:
        for field in schema["fields"]:
            value = row[field["name"]]
            assert value or not field["constraints"]["required"]
            assert not value or read[field["type"]](value) is not None
    table = parquet.read_table(built / "experiences" / "experiences.parquet")
    assert [str(row["valeur"] or "") for row in table.to_pylist()] == [row["valeur"] for row in rows]


def test_the_metadata_are_dcat_ap(built: Path) -> None:
    """Read as RDF, with what DCAT-AP 3 makes mandatory of catalogue, dataset and distribution, and of their ranges."""
    graph = rdflib.Graph().parse(built / "catalogue.jsonld", format="json-ld")
    (catalogue,) = graph.subjects(rdflib.RDF.type, rdflib.DCAT.Catalog)
    datasets = set(graph.objects(catalogue, rdflib.DCAT.dataset))
    assert datasets == {rdflib.URIRef(f"https://example.org/datasets/{slug}") for slug in ("experiences", "abonnes")}
    for described in (catalogue, *datasets):
        assert list(graph.objects(described, rdflib.DCTERMS.title))
        assert list(graph.objects(described, rdflib.DCTERMS.description))
        (publisher,) = graph.objects(described, rdflib.DCTERMS.publisher)
        assert (publisher, rdflib.RDF.type, rdflib.FOAF.Agent) in graph
        assert rdflib.Literal("Gendarmerie nationale", lang="fr") in graph.objects(publisher, rdflib.FOAF.name)
    for dataset in datasets:
        assert (dataset, rdflib.RDF.type, rdflib.DCAT.Dataset) in graph
        distributions = list(graph.objects(dataset, rdflib.DCAT.distribution))
        assert len(distributions) == 2
        for distribution in distributions:
            assert (distribution, rdflib.RDF.type, rdflib.DCAT.Distribution) in graph
            assert all(isinstance(value, rdflib.URIRef) for value in graph.objects(distribution, rdflib.DCAT.accessURL))
            assert len(list(graph.objects(distribution, rdflib.DCAT.accessURL))) == 1
            assert len(list(graph.objects(distribution, rdflib.DCTERMS.license))) == 1
        (period,) = graph.objects(dataset, rdflib.DCTERMS.temporal)
        assert graph.value(period, rdflib.DCAT.endDate) == rdflib.Literal("2025-12-31", datatype=rdflib.XSD.date)


def test_the_metadata_conform_to_the_official_shapes(built: Path) -> None:
    """The SHACL shapes of DCAT-AP 3.0.0 as SEMIC publishes them (CC BY 4.0, European Union)."""
    shapes = rdflib.Graph().parse(SHAPES, format="json-ld")
    graph = rdflib.Graph().parse(built / "catalogue.jsonld", format="json-ld")
    conforms, _, report = pyshacl.validate(graph, shacl_graph=shapes)
    assert conforms, report
    graph.remove((None, rdflib.DCTERMS.title, None))
    conforms, _, report = pyshacl.validate(graph, shacl_graph=shapes)
    assert not conforms
    assert "Less than 1 values" in report


def test_sums_and_signature_hold_and_a_change_is_found(built: Path) -> None:
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=built, check=False).returncode == 0
    key = signing.private_key()
    content = package.check(built, [key.public_key()])
    assert (content["publication_id"], content["list"]["signed_by"]) == ("p-1", "Chef du bureau des données")
    assert content["SHA256SUMS"] == hashlib.sha256((built / "SHA256SUMS").read_bytes()).hexdigest()
    with pytest.raises(ExpectedFailure, match="par aucune"):
        package.check(built, [Ed25519PrivateKey.generate().public_key()])
    file = built / "abonnes" / "abonnes.csv"
    file.write_text(file.read_text("utf-8").replace("FR-67", "FR-68"), "utf-8")
    (built / "more.txt").write_text("more")
    with pytest.raises(ExpectedFailure, match=r"more\.txt a été ajouté, abonnes/abonnes\.csv a été modifié"):
        package.check(built)


def test_links_are_no_files_of_a_build(built: Path, tmp_path: Path) -> None:
    file = built / "abonnes" / "abonnes.csv"
    file.rename(tmp_path / "elsewhere.csv")
    file.symlink_to(tmp_path / "elsewhere.csv")
    (built / "abonnes" / "folder").symlink_to(tmp_path)
    with pytest.raises(ExpectedFailure, match=r"abonnes/folder a été ajouté, abonnes/abonnes\.csv a été modifié"):
        package.check(built)


def test_a_build_replaces_no_folder_that_holds_more_than_a_build(declared: Home, built: Path, tmp_path: Path) -> None:
    (built / "thesis.txt").write_text("mine")
    images = tmp_path / "images"
    images.mkdir()
    (images / "system.iso").write_text("an image")
    (images / package.SUMS).write_text("0  system.iso\n")
    for folder in (built, images):
        with pytest.raises(ExpectedFailure, match="autre chose"):
            package.build(declared, folder)
    assert (built / "thesis.txt").exists()
    assert (images / "system.iso").exists()


def test_the_same_publication_gives_the_same_bytes(built: Path, declared: Home, tmp_path: Path) -> None:
    package.build(declared, tmp_path / "again")
    assert (tmp_path / "again" / "SHA256SUMS").read_bytes() == (built / "SHA256SUMS").read_bytes()
    package.build(declared, built)  # what a build has written, a build replaces
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(ExpectedFailure, match="autre chose"):
        package.build(declared, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_the_page_says_what_a_reader_needs(built: Path) -> None:
    page = (built / "experiences" / "LISEZMOI.md").read_text("utf-8")
    assert "**Taux de réponse** (`answer_rate`, part). Part. Calcul : Réponses / expériences." in page
    assert "approuvée par : Chef du bureau des données, le 2026-11-28" in page
    assert "Chaque compte affiche" in (built / "abonnes" / "LISEZMOI.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("kpis: [followers]", "kpis: [victims]"), "n'est pas public"),
        (("kpis: [followers]", "kpis: [nothing]"), "n'est pas publié"),
        (("kpis: [followers]", "kpis: [experiences]"), "dans deux jeux"),
        (("period_types: [year]", "period_types: [day]"), "type de période inconnu"),
        (("unprotected:", "unknown_word:"), "n'existe pas"),
        (("datasets:", "sets:"), "n'est pas une liste"),
    ],
)
def test_what_may_not_be_public_is_refused(declared: Home, signer, tmp_path: Path, change, said) -> None:
    (declared.config / "opendata.yml").write_text(LIST.replace(*change), encoding="utf-8")

    def signed_and_built() -> None:
        declaration.sign(declared, signer, "Chef", WHEN)
        package.build(declared, tmp_path / "out")

    with pytest.raises(ExpectedFailure, match=said):
        signed_and_built()
    assert not (tmp_path / "out").exists()


def test_a_list_that_nobody_signed_as_it_is_is_not_built(declared: Home, tmp_path: Path) -> None:
    list_file = declared.config / "opendata.yml"
    list_file.write_text(LIST + "# changed\n", encoding="utf-8")
    with pytest.raises(ExpectedFailure, match="a changé depuis sa signature"):
        package.build(declared, tmp_path / "out")
    declaration.sign(declared, Ed25519PrivateKey.generate(), "Quelqu'un", WHEN)
    with pytest.raises(ExpectedFailure, match="aucune personne habilitée"):
        package.build(declared, tmp_path / "out")
    kept = json.loads(declaration.signature_file(declared).read_text("utf-8"))
    declaration.signature_file(declared).write_text(json.dumps(kept | {"signed_by": "Autre"}), "utf-8")
    with pytest.raises(ExpectedFailure, match="aucune personne habilitée"):
        package.build(declared, tmp_path / "out")
    declaration.signature_file(declared).unlink()
    with pytest.raises(ExpectedFailure, match="n'est pas signée"):
        package.build(declared, tmp_path / "out")


def test_the_list_of_the_project_names_public_kpis_only(home: Home) -> None:
    public = set()
    for file in (declaration._DEFAULT.parents[1] / "dbt_project" / "models" / "kpi").glob("*/kpi_*.yml"):
        for model in yaml.safe_load(file.read_text("utf-8"))["models"]:
            kpi = model.get("config", {}).get("meta", {}).get("kpi", {})
            if kpi.get("sensitivity") == "public":
                public.add(kpi["code"])
    assert {code for dataset in declaration.read(home).datasets for code in dataset.kpis} <= public


def test_from_a_key_of_openssl_to_a_verified_folder(declared: Home, signer, tmp_path: Path) -> None:
    key = tmp_path / "signer.pem"
    key.write_bytes(signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    runner, out = CliRunner(), str(tmp_path / "out")
    signed = runner.invoke(app, ["opendata", "sign", "--key", str(key), "--name", "Chef du bureau"])
    assert signed.exit_code == 0, signed.output
    built = runner.invoke(app, ["opendata", "build", out])
    assert built.stdout.splitlines() == [f"{out}/experiences", f"{out}/abonnes"]
    public = tmp_path / "public.pem"
    public.write_text(signing.pem(signing.private_key().public_key()))
    verified = runner.invoke(app, ["opendata", "verify", out, "--public-key", str(public)])
    assert "signé par la clé donnée" in verified.stdout
    inside = declared.root / "key.pem"
    inside.write_bytes(key.read_bytes())
    refused = runner.invoke(app, ["opendata", "sign", "--key", str(inside), "--name", "Chef"])
    assert "est dans CYBERIMPACT_HOME" in str(refused.exception)
