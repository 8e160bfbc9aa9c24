"""The home page: what is new since one's last visit; and two addresses that every web application has."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from operations.alerts import signals
from warehouse.published import LIVE
from warehouse.reader_copies import NothingPublishedError
from web import reading, settings
from web.access import PersonRequest, page
from web.health import healths, late_live
from web.identity import Person
from web.pages import figure
from web.pages.signals import Shown
from web.reading import Reading

COOKIE = "cyberimpact_visit"
KEPT_DAYS = 90
#: Who comes back within so long is still on the same visit.
VISIT = timedelta(minutes=30)
#: What a first visit is shown.
FIRST_VISIT = timedelta(days=7)
MOST_SIGNALS = 5

#: Of each KPI its last complete month, where enough stand behind it and it has changed more than in each of up to 12
#: months before, the strongest change first. A change is compared with at least six others.
MOVED = """
    with months as (
        select
            *,
            abs(value - previous_value) as change,
            max(abs(value - previous_value)) over before as usual,
            count(value - previous_value) over before as known
        from kpi.rpt_kpi
        where territory_code = ? and period_type = 'month' and is_headline and is_complete
        window before as (
            partition by kpi_code, territory_level, breakdown_dimension
            order by period_start rows between 12 preceding and 1 preceding
        )
    )

    select
        kpi_code, kpi_label, territory_code, territory_name, period_type, period_start, period_label, value_label,
        breakdown_dimension, breakdown_value, breakdown_label, previous_value_label,
        value > previous_value as has_risen, known
    from months
    where is_latest and not is_small and known >= 6 and change > usual
    qualify row_number() over (partition by kpi_code order by territory_level) = 1
    order by change / nullif(usual, 0) desc nulls first, kpi_code
    limit 6
"""
#: Of each action the KPI that its kind proposes, else the first one.
ENDED = """
    select action_id, action_type, theme, territory_name, ended_on, kpi_label, sentence, refusal
    from impact.fct_action_effect
    where list_contains(coalesce($places, [territory_code]), territory_code) and window_is_over and window_end >= $since
    qualify row_number() over (partition by action_id order by is_proposed desc, kpi_code) = 1
    order by window_end desc, action_id
    limit 6
"""
PUBLISHED = "select published_at, data_as_of from audit.publication order by published_at desc limit 1"


@dataclass(frozen=True)
class Visit:
    """What a browser remembers of visits, in a cookie of ours.

    Attributes:
        since: When the visit before this one ended; None on the first one.
        seen: When the home page was last shown.
    """

    since: datetime | None
    seen: datetime

    @classmethod
    def of(cls, cookie: str | None, now: datetime) -> "Visit":
        """Read the cookie of a request; one that cannot be read is none."""
        try:
            since, seen = (
                datetime.fromtimestamp(int(part), UTC) if part else None for part in (cookie or "").split(".")
            )
        except (ValueError, OverflowError, OSError):
            return cls(None, now)
        if seen is None or seen > now or (since and since > seen):
            return cls(None, now)
        return cls(seen if now - seen > VISIT else since, now)

    @property
    def cookie(self) -> str:
        return f"{int(self.since.timestamp()) if self.since else ''}.{int(self.seen.timestamp())}"


@page()
def show(request: PersonRequest) -> HttpResponse:
    now = datetime.now(UTC)
    visit = Visit.of(request.COOKIES.get(COOKIE), now)
    since = visit.since or now - FIRST_VISIT
    try:
        with reading.opened(request.person.right) as copies:
            news = _news(copies, request.person, since)
    except NothingPublishedError:
        news = {"is_published": False}
    context = {"title": "Accueil", "section": "home", "visit": visit, "since": since}
    response = render(request, "web/home/home.html", context | news)
    response.set_cookie(
        COOKIE, visit.cookie, timedelta(days=KEPT_DAYS), secure=settings.IS_HTTPS, httponly=True, samesite="Lax"
    )
    return response


def _news(copies: Reading, person: Person, since: datetime) -> dict[str, Any]:
    """Return what is new for a person's territory, each part where the right grants its table."""
    right = person.right
    found = signals.read_from(copies.connection) if LIVE in copies.copies else []
    open_ones = [Shown(signal, None) for signal in found if signal.is_open]
    moved = [row for place in person.own for row in copies.rows_of("kpi.rpt_kpi", MOVED, [place])]
    ended = {"places": person.places, "since": since.date()}
    return {
        "is_published": True,
        "sees_signals": right.is_everything or "signals.live_signal" in right.tables,
        "is_live": LIVE in copies.copies,
        "signals": open_ones[:MOST_SIGNALS],
        "more": max(0, len(open_ones) - MOST_SIGNALS),
        "moved": [row | {"name": figure.name_of(row), "address": figure.address_of(row)} for row in moved],
        "late": late_live(copies),
        "late_sources": [found for found in healths(copies) if found.is_late or found.last_loaded_at is None],
        "ended": copies.rows_of("impact.fct_action_effect", ENDED, ended),
        "published": next(iter(copies.rows_of("audit.publication", PUBLISHED)), None),
    }


@page()
def logged_in(request: PersonRequest) -> HttpResponse:
    """Show the end of a login that was made in another tab, while a form waits."""
    return render(request, "web/logged_in.html", {"title": "Vous êtes connecté"})
