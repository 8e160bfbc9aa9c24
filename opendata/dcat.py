"""Metadata of datasets as DCAT-AP 3, in JSON-LD."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from opendata.declaration import FREQUENCIES, Dataset, Declaration

CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_AUTHORITY = "http://publications.europa.eu/resource/authority"
_LICENCES = {"lov2": "https://www.etalab.gouv.fr/licence-ouverte-open-licence"}
_THEME = "Justice, système juridique et sécurité publique"
_MEDIA = "http://www.iana.org/assignments/media-types"
#: By suffix: the European file type and the media type.
FORMS = {"csv": ("CSV", "text/csv"), "parquet": ("PARQUET", "application/vnd.apache.parquet")}


class Distribution(NamedTuple):
    """A file of a dataset."""

    name: str
    sha256: str
    size: int


class Described(NamedTuple):
    """A dataset with its files, the days that it covers, and when it was published."""

    dataset: Dataset
    files: list[Distribution]
    first: date | None
    last: date | None
    published_at: datetime


def catalogue(declaration: Declaration, found: Iterable[Described]) -> dict[str, Any]:
    """Return the catalogue with all that is known of its datasets."""
    found = list(found)
    return {
        "@context": CONTEXT,
        "@id": "urn:cyberimpact:opendata",
        "@type": "dcat:Catalog",
        "dct:title": _french("Données ouvertes de cyberIMP@CT"),
        "dct:description": _french("Indicateurs publics de la Gendarmerie nationale."),
        "dct:publisher": _publisher(declaration),
        "dct:language": {"@id": f"{_AUTHORITY}/language/FRA"},
        "dct:modified": _instant(max(described.published_at for described in found)) if found else None,
        "dcat:dataset": [_dataset(declaration, described) for described in found],
    }


def _dataset(declaration: Declaration, described: Described) -> dict[str, Any]:
    dataset = described.dataset
    page = declaration.landing_page.replace("{slug}", dataset.slug)
    return {
        "@id": page,
        "@type": "dcat:Dataset",
        "dct:identifier": dataset.slug,
        "dct:title": _french(dataset.title),
        "dct:description": _french(dataset.description),
        "dct:publisher": _publisher(declaration),
        "dct:accessRights": _right("PUBLIC"),
        "dct:accrualPeriodicity": _concept("frequency", FREQUENCIES[dataset.frequency], "dct:Frequency"),
        "dct:language": {"@id": f"{_AUTHORITY}/language/FRA", "@type": "dct:LinguisticSystem"},
        "dct:modified": _instant(described.published_at),
        "dct:spatial": _concept("country", "FRA", "dct:Location"),
        "dct:temporal": _period(described),
        "dcat:contactPoint": {
            "@type": ["vcard:Kind", "vcard:Organization"],
            "vcard:fn": declaration.publisher,
            "vcard:hasURL": {"@id": declaration.contact},
        },
        "dcat:keyword": [_french(word) for word in dataset.keywords],
        "dcat:landingPage": {"@id": page, "@type": "foaf:Document"},
        "dcat:theme": {**_concept("data-theme", "JUST", "skos:Concept"), "skos:prefLabel": _french(_THEME)},
        "dcat:distribution": [_distribution(declaration, page, file) for file in described.files],
    }


def _distribution(declaration: Declaration, page: str, file: Distribution) -> dict[str, Any]:
    kind, media = FORMS[file.name.rpartition(".")[2]]
    return {
        "@id": f"{page}#{file.name}",
        "@type": "dcat:Distribution",
        "dct:title": _french(file.name),
        "dct:format": _concept("file-type", kind, "dct:MediaTypeOrExtent"),
        "dct:license": {"@id": _LICENCES.get(declaration.licence, declaration.licence), "@type": "dct:LicenseDocument"},
        "dcat:accessURL": {"@id": page, "@type": "rdfs:Resource"},
        "dcat:mediaType": {"@id": f"{_MEDIA}/{media}", "@type": "dct:MediaType"},
        "dcat:byteSize": {"@value": str(file.size), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256", "@type": "spdx:ChecksumAlgorithm"},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }


def _publisher(declaration: Declaration) -> dict[str, Any]:
    return {"@id": "urn:cyberimpact:publisher", "@type": "foaf:Agent", "foaf:name": _french(declaration.publisher)}


def _period(described: Described) -> dict[str, Any] | None:
    if described.first is None or described.last is None:
        return None
    days = {"dcat:startDate": described.first, "dcat:endDate": described.last}
    return {
        "@type": "dct:PeriodOfTime",
        **{name: {"@value": day.isoformat(), "@type": "xsd:date"} for name, day in days.items()},
    }


def _right(name: str) -> dict[str, Any]:
    return _concept("access-right", name, "dct:RightsStatement")


def _concept(vocabulary: str, name: str, kind: str) -> dict[str, Any]:
    """Return a term of a European vocabulary."""
    return {"@id": f"{_AUTHORITY}/{vocabulary}/{name}", "@type": kind}


def _french(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "fr"}


def _instant(moment: datetime) -> dict[str, str]:
    return {"@value": moment.isoformat(), "@type": "xsd:dateTime"}
