"""Files of one bad line, empty files, and headers without rows: each alone must stop nothing."""

from tests.rawfiles import chat, experiences, pre_complaints
from tests.rawfiles.deliveries import Desk, csv_text


def deliver(desk: Desk) -> None:
    """Write the files; a load in which every row was refused is one that failed."""
    log = {
        "day.csv": ("p1", "2024-02-31 10:00:00", "", "33", "1", "0"),
        "hour.csv": ("p2", "2024-03-12 25:10:00", "", "33", "1", "0"),
        "flag.csv": ("p3", "2024-03-12 10:00:00", "", "33", "peut-être", "0"),
    }
    for name, line in log.items():
        text = csv_text([line], ",", pre_complaints.HEADER)
        desk.file(pre_complaints.PLATFORM, name, text.encode(), 1, is_refused=True)
    desk.file(pre_complaints.PLATFORM, "empty.csv", b"", is_refused=True)
    desk.file(pre_complaints.PLATFORM, "header.csv", csv_text([], ",", pre_complaints.HEADER).encode())
    for rank, line in enumerate(chat.BAD[:2]):
        desk.file(chat.PLATFORM, f".bad_{rank}.csv", line.encode(), 1, is_refused=True)
    experience = experiences.bad_line({"code_postal_usager": "75"})
    text = csv_text([experience], ";", list(experiences.GENERATION_2022))
    desk.file(experiences.PLATFORM, "postal_code.csv", text.encode(), 1, is_refused=True)
