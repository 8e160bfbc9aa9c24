"""Accounts on social networks: the list of accounts as JSON Lines, and the template of daily figures as CSV.

network,account,day,followers,following,posts,engagements
facebook,Gendarmerie_33,14/03/2024,148000,12,4021,310
"""

from datetime import date

from tests.geography import UNKNOWN, of_departement
from tests.rawfiles.deliveries import MONTHS, Desk, Row, Table, csv_text, json_lines
from tests.rawfiles.figures import PERIODS, start_of

PLATFORM = "social_accounts"
NATIONAL = "gn"

#: Network and account, and the département that it speaks for.
ACCOUNTS = {
    ("x", "Gendarmerie"): NATIONAL,
    ("facebook", "gendarmerienationale"): NATIONAL,
    ("instagram", "gendarmerienationale"): NATIONAL,
    **{("x", f"Gendarmerie_{code}"): code for code in ("01", "06", "2A", "33", "69", "75", "971")},
    **{("facebook", f"Gendarmerie_{code}"): code for code in ("06", "2B", "33", "974")},
}
#: An account that the platform knows, and that the delivered list lacks: its readings count all the same.
UNLISTED = ("instagram", "gendarmerienationale")
HEADER = ("network", "account", "day", "followers", "following", "posts", "engagements")

Key = tuple[str, str, str]


def deliver(desk: Desk) -> None:
    """Write the accounts, a reading a week, as template and as records, a corrected month, and undeclared accounts."""
    random = desk.random(PLATFORM)
    declared = [
        {"network": network, "account": account, "url": f"https://{network}.com/{account}", "department_code": code}
        for (network, account), code in ACCOUNTS.items()
        if (network, account) != UNLISTED
    ]
    file = desk.file(PLATFORM, "accounts.jsonl", json_lines(declared))
    Table().take(file, (((row["network"], row["account"]), row) for row in declared))

    followers = {account: random.randrange(2_000, 90_000) for account in ACCOUNTS}
    readings: dict[Key, Row] = {}
    for month in MONTHS:
        for day in (3, 10, 17, 26):
            for network, account in ACCOUNTS:
                if random.randrange(12) == 0:
                    continue  # not read that day
                followers[network, account] += random.randrange(-20, 90)
                engagements = random.choice((None, random.randrange(900)))
                row = {"followers": followers[network, account], "engagements": engagements}
                readings[network, account, str(month.replace(day=day))] = row
    table = Table()
    older = {key: row for key, row in readings.items() if key[2] < "2024"}
    template = {key: row for key, row in readings.items() if "2024" <= key[2] < "2025"}
    newer = {key: row for key, row in readings.items() if key[2] >= "2025"}
    _write_records(desk, table, "daily_2023.jsonl", older)
    bad = [
        ["facebook", "Gendarmerie_Inventée", "14/03/2024", "10", "", "", ""],
        ["minitel", "Gendarmerie", "14/03/2024", "10", "", "", ""],
        ["x", "Gendarmerie", "31/02/2024", "10", "", "", ""],
        ["x", "Gendarmerie", "14/03/2024", "beaucoup", "", "", ""],
    ]
    _write_template(desk, table, "releves_2024.csv", template, bad)
    _write_template(desk, table, "releves_2025.csv", newer)
    corrected = {key: row | {"followers": row["followers"] + 1000} for key, row in newer.items() if "-06-" in key[2]}
    _write_template(desk, table, "releves_2025_06.csv", corrected)
    _count(desk, table.rows)


def _write_records(desk: Desk, table: Table, name: str, readings: dict[Key, Row]) -> None:
    records = [
        {"network": "twitter" if network == "x" else network, "account": account, "day": day, **row}
        for (network, account, day), row in readings.items()
    ]
    table.take(desk.file(PLATFORM, name, json_lines(records)), readings.items())


def _write_template(
    desk: Desk, table: Table, name: str, readings: dict[Key, Row], bad: list[list[str]] | None = None
) -> None:
    lines = [
        [network, f"@{account}", f"{date.fromisoformat(day):%d/%m/%Y}", row["followers"], "", "", row["engagements"]]
        for (network, account, day), row in readings.items()
    ]
    text = csv_text([*lines, *(bad or [])], ";", HEADER)
    table.take(desk.file(PLATFORM, name, text.encode(), len(bad or [])), readings.items())


def _count(desk: Desk, readings: dict[Key, Row]) -> None:
    """Count engagements per reading, and the followers of the last reading of each account in each period."""
    last: dict[tuple[str, date, str, str], tuple[str, int]] = {}
    for (network, account, written), row in readings.items():
        day, place, parts = date.fromisoformat(written), _place(network, account), _parts(network, account)
        if row["engagements"] is not None:
            desk.figures.add("engagement_rate", day, place, row["engagements"], row["followers"], parts=parts)
        for period in PERIODS:
            key = (period, start_of(period, day.year, day.month), network, account)
            last[key] = max(last.get(key, ("", 0)), (written, row["followers"]))
    for (period, start, network, account), (_, count) in last.items():
        kpi = f"followers of the {period}"
        desk.figures.add(kpi, start, _place(network, account), count, parts=_parts(network, account))


def _place(network: str, account: str) -> str:
    code = ACCOUNTS[network, account]
    return UNKNOWN if code == NATIONAL else of_departement(code)


def _parts(network: str, account: str) -> dict[str, str]:
    return {"network": network, "account_scope": "national" if ACCOUNTS[network, account] == NATIONAL else "local"}
