"""What a verb leaves, and a published copy that is small enough to read at a glance. No fixture, no test."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CYBERIMPACT = Path(sys.executable).with_name("cyberimpact")

TABLES = """
create schema perception;
create table perception.fct_experience as
    select * from (values ('1', 'positif', date '2023-01-31', 0.25::decimal(18, 6)), ('2', null, null, null))
    as rows(experience_id, feeling, published_on, share);
create schema audit;
create table audit.publication as select '20260101T000000Z-abcdef' as publication_id, date '2026-01-02' as data_as_of;
set TimeZone = 'UTC';
create table audit.freshness as
    select 'services_publics_plus' as platform, now()::timestamp - interval 1 hour as last_loaded_at,
    date '2026-01-02' as data_as_of;
"""

QUERY = "select experience_id, feeling, published_on from perception.fct_experience order by experience_id"


@dataclass(frozen=True)
class Done:
    """What a verb left: its exit code and both streams."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """Return the sentence on stderr of a verb that failed as expected."""
        assert self.code == 1, self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.strip()
        return " ".join(self.err.split())


Run = Callable[..., Done]
