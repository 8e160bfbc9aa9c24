# ruff: noqa: INP001 - a script beside the files it writes
"""Builds the seeds that are not written by hand.

    python dbt_project/seeds/build_seeds.py            # platforms and the calendar: of the code and of `holidays`
    python dbt_project/seeds/build_seeds.py FOLDER     # besides, those of the public files that FOLDER holds

FOLDER, all under Licence Ouverte 2.0, as CSV:

* `regions.csv` (`code, name, zone`), `departements.csv` (`code, name, region_code, zone, population`), `communes.csv`
  (`code, name, departement_code, population, postal_codes`, the last separated by blanks): the Code officiel
  géographique and the municipal populations of INSEE, as the npm package `@etalab/decoupage-administratif` joins them,
  with English column names. `zone` is `metro` for the regions and départements of Europe.
* `export-structures.csv`: the directory of structures of Services Publics+, as data.gouv.fr gives it.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from holidays.countries.france import France

from ingestion.platforms import PLATFORMS

SEEDS = Path(__file__).parent
GAZETTEER = SEEDS.parent.parent / "analytics" / "geo"  # for geoparsing; no table reads it

Row = dict[str, str]

#: COG code of a region -> the code that map and dashboards use. Corsica and the overseas regions keep their former
#: ISO 3166-2 codes, which the map knows: the present ones (FR-20R, FR-971...) collide with those of départements.
REGION_CODES = {
    "01": "FR-GUA", "02": "FR-MTQ", "03": "FR-GUF", "04": "FR-LRE", "06": "FR-MAY", "11": "FR-IDF", "24": "FR-CVL",
    "27": "FR-BFC", "28": "FR-NOR", "32": "FR-HDF", "44": "FR-GES", "52": "FR-PDL", "53": "FR-BRE", "75": "FR-NAQ",
    "76": "FR-OCC", "84": "FR-ARA", "93": "FR-PAC", "94": "FR-COR",
}  # fmt: skip

#: COG code of a département or collectivity whose ISO 3166-2 code is not `FR-<COG code>`.
ISO_CODES = {
    "75": "FR-75C", "975": "FR-PM", "977": "FR-BL", "978": "FR-MF", "986": "FR-WF", "987": "FR-PF", "988": "FR-NC",
}  # fmt: skip

#: Same, for the codes that Superset's map of France expects.
MAP_CODES = {
    "75": "FR-75", "971": "FR-GP", "972": "FR-MQ", "973": "FR-GF", "974": "FR-RE", "976": "FR-YT",
}  # fmt: skip

#: Territories with public holidays of their own -> their name in `holidays`, and which of those that it knows are
#: statutory (local law of Alsace-Moselle; Act 83-550 of 30 June 1983). Local custom, and overseas collectivities with
#: a labour law of their own, are left out.
ALSACE_MOSELLE, ABOLITION = {"Vendredi saint", "Saint-Étienne"}, {"Abolition de l'esclavage"}
LOCAL_HOLIDAYS = {
    "FR-57": ("57", ALSACE_MOSELLE), "FR-67": ("6AE", ALSACE_MOSELLE), "FR-68": ("6AE", ALSACE_MOSELLE),
    "FR-971": ("971", ABOLITION), "FR-972": ("972", ABOLITION), "FR-973": ("973", ABOLITION),
    "FR-974": ("974", ABOLITION), "FR-976": ("976", ABOLITION), "FR-BL": ("BL", ABOLITION), "FR-MF": ("MF", ABOLITION),
}  # fmt: skip

#: Years of the calendar, those of `dim_calendar`.
YEARS = range(2000, 2051)

#: Summers between which the published school calendars are known: 2023-2024 to 2026-2027, both summers included.
SCHOOL_YEARS = (date(2023, 7, 8), date(2027, 8, 31))

#: No permanent population, hence no citizen: their answer stands in `territory_aliases`.
UNINHABITED = {"984", "989"}

#: All overseas territories depend on one command.
OVERSEAS = ("GN-OM", "Commandement de la gendarmerie outre-mer")

UNIT_OF_DEPARTEMENT = {"Groupement de gendarmerie départementale", "COMGEND"}


def read(file: Path, delimiter: str = ",") -> list[Row]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=delimiter))


def region_rows(regions: Iterable[Row]) -> list[Row]:
    """Return one row per region of the COG, with its region of gendarmerie."""
    rows = []
    for region in regions:
        code = REGION_CODES.get(region["code"])
        if code is None:
            continue
        metropolitan = (f"GN-{code.removeprefix('FR-')}", f"Région de gendarmerie {region['name']}")
        gendarmerie_code, gendarmerie_name = metropolitan if region["zone"] == "metro" else OVERSEAS
        rows.append(
            {
                "cog_code": region["code"],
                "region_code": code,
                "region_name": region["name"],
                "gendarmerie_region_code": gendarmerie_code,
                "gendarmerie_region_name": gendarmerie_name,
            }
        )
    return sorted(rows, key=lambda row: row["region_code"])


def territory_rows(departements: Iterable[Row], units: Iterable[Row]) -> list[Row]:
    """Return one row per département or inhabited overseas collectivity; the units name its groupement."""
    commands = {
        unit["departement_code"]: unit["structure_name"] for unit in units if unit["typology"] in UNIT_OF_DEPARTEMENT
    }
    rows = []
    for departement in departements:
        code = departement["code"]
        if code in UNINHABITED:
            continue
        region = REGION_CODES.get(departement["region_code"], "")
        iso = ISO_CODES.get(code, f"FR-{code}")
        rows.append(
            {
                "departement_code": code,
                "territory_code": iso,
                "territory_name": departement["name"],
                "region_code": region,
                "gendarmerie_region_code": (
                    f"GN-{region.removeprefix('FR-')}" if departement["zone"] == "metro" else OVERSEAS[0]
                ),
                "groupement_name": commands.get(code, ""),
                "population": departement["population"],
                "map_code": MAP_CODES.get(code, iso),
            }
        )
    return sorted(rows, key=lambda row: row["departement_code"])


def postal_code_rows(communes: Iterable[Row]) -> list[Row]:
    """Return the département of each postal code: of those that share one, the one with most inhabitants behind it."""
    inhabitants: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for commune in communes:
        for postal_code in commune["postal_codes"].split():
            inhabitants[postal_code][commune["departement_code"]] += int(commune["population"] or 0)
    return [
        {"postal_code": postal_code, "departement_code": min(shares, key=lambda code: (-shares[code], code))}
        for postal_code, shares in sorted(inhabitants.items())
    ]


def unit_rows(structures: Iterable[Row]) -> list[Row]:
    """Return the structures that the directory files under the network of the Gendarmerie, closed ones included."""
    rows = [
        {
            "structure_code": structure["Code SP+ de la structure"],
            "typology": structure["Intitulé de la typologie"],
            "structure_name": structure["Intitulé de la structure"],
            "parent_structure_code": structure["Code SP+ structure parent"],
            "departement_code": structure["INSEE Département"].removeprefix("dep"),
            "is_active": "true" if structure["Actif"] == "Oui" else "false",
        }
        for structure in structures
        if structure["Intitulé du réseau"] == "Gendarmerie Nationale"
    ]
    return sorted(rows, key=lambda row: row["structure_code"])


def platform_rows() -> list[Row]:
    """Return what the warehouse needs of the one list of platforms."""
    return [
        {
            "platform": platform.name,
            "title": platform.title,
            "pillar": platform.pillar,
            "owner": platform.owner,
            "late_after_minutes": str(platform.late_after // timedelta(minutes=1)),
            "main_entity": platform.entities[0],
        }
        for platform in PLATFORMS
    ]


def public_holiday_rows() -> list[Row]:
    """Return the public holidays of the nation, `FR`, and those that some territories have besides."""
    national = France(years=YEARS, language="fr")
    rows = [(day, "FR", name) for day, name in national.items()]
    for territory, (subdivision, statutory) in LOCAL_HOLIDAYS.items():
        local = France(years=YEARS, subdiv=subdivision, language="fr")
        rows += [(day, territory, name) for day in local for name in local.get_list(day) if name in statutory]
    return [
        {"date_day": day.isoformat(), "territory_code": territory, "holiday_name": name.replace("; ", " et ")}
        for day, territory, name in sorted(rows)
    ]


def school_holiday_rows() -> list[Row]:
    """Return the school holidays of zones A, B and C as the ministry published them, first and last day included."""
    rows = []
    for zone in "ABC":
        days = France(
            years=range(SCHOOL_YEARS[0].year, SCHOOL_YEARS[1].year + 1),
            subdiv=f"Zone {zone}",
            categories="school",
            language="fr",
        )
        known = sorted(day for day in days if SCHOOL_YEARS[0] <= day <= SCHOOL_YEARS[1])
        starts = [known[0], *(later for day, later in pairwise(known) if later - day > timedelta(days=1))]
        ends = [*(day for day, later in pairwise(known) if later - day > timedelta(days=1)), known[-1]]
        rows += [
            {
                "school_zone": zone,
                "holiday_name": days[start],
                "starts_on": start.isoformat(),
                "ends_on": end.isoformat(),
            }
            for start, end in zip(starts, ends, strict=True)
        ]
    return rows


def gazetteer_rows(communes: Iterable[Row], territories: Iterable[Row], regions: Iterable[Row]) -> list[Row]:
    """Return every place that a text may name, with the territory that it lies in."""
    known = {row["departement_code"]: row for row in territories}
    rows = [
        {"level": "region", "code": row["cog_code"], "name": row["region_name"], "territory_code": row["region_code"]}
        for row in regions
    ]
    rows += [
        {"level": "departement", "code": code, "name": row["territory_name"], "territory_code": row["territory_code"]}
        for code, row in known.items()
    ]
    rows += [
        {"level": "commune", "code": row["code"], "name": row["name"], "territory_code": known[code]["territory_code"]}
        | {"population": row["population"]}
        for row in communes
        if (code := row["departement_code"]) in known
    ]
    return [{"population": "", **row} for row in rows]


def of_the_repository() -> dict[str, list[Row]]:
    """Return the rows of the seeds that need no download, by seed name."""
    return {
        "platforms": platform_rows(),
        "public_holidays": public_holiday_rows(),
        "school_holidays": school_holiday_rows(),
    }


def of_downloads(folder: Path) -> dict[str, list[Row]]:
    """Return the rows of the seeds that are made of public files, and of the gazetteer, by name."""
    units = unit_rows(read(folder / "export-structures.csv", delimiter=";"))
    regions = region_rows(read(folder / "regions.csv"))
    territories = territory_rows(read(folder / "departements.csv"), units)
    communes = read(folder / "communes.csv")
    return {
        "regions": regions,
        "territories": territories,
        "postal_codes": postal_code_rows(communes),
        "gendarmerie_units": units,
        "gazetteer": gazetteer_rows(communes, territories, regions),
    }


def write(seeds: Mapping[str, list[Row]]) -> None:
    for name, rows in seeds.items():
        folder = GAZETTEER if name == "gazetteer" else SEEDS
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    write(of_the_repository())
    if len(sys.argv) > 1:
        write(of_downloads(Path(sys.argv[1])))
