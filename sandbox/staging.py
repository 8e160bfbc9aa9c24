"""Waves that are staged on a running sandbox, beside the history of its seed, which they leave as it is.

`POST /_control/waves` with `{"kind": "inondation", "territory": "FR-27"}` begins one: its first hours lie in the past,
so that it stands out at once; it rises for some hours more, and ends by itself.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox import clock
from sandbox.events import Event, draw, staged
from sandbox.places import PARIS, departement, departements

#: Kinds of wave to kinds of event. A kind is called as the topic that watches it.
KINDS = {
    "epidemie": "epidemic",
    "fraude_carte": "card_fraud",
    "fuite_donnees": "data_breach",
    "hameconnage": "phishing",
    "incendie": "heatwave",
    "inondation": "flood",
    "panne_teleservice": "outage",
    "rumeur_enlevement": "rumour",
}
MENTIONS = 240
#: How long a wave lasts, when it is at its height, and how much of it lies in the past when it is begun.
LASTS, HEIGHT, BACKDATED = timedelta(hours=10), timedelta(hours=5), timedelta(hours=3)
#: How long ago a wave ended that was closed lately: detection closes a signal after a day.
CLOSED_FROM, CLOSED_UNTIL = timedelta(days=4), timedelta(days=1)
FORGOTTEN_AFTER = timedelta(days=60)

#: Territory of each département: its code, but for Paris.
TERRITORIES = {f"FR-{'75C' if place.code == '75' else place.code}": place.code for place in departements()}


@dataclass(frozen=True)
class Wave:
    """Mentions of one event in one département.

    Attributes:
        kind: One of `KINDS`.
        code: Code of the département.
        began_at: When the first mention may be published.
        staged_at: When the wave was added: nothing of it is found before.
    """

    kind: str
    code: str
    began_at: datetime
    staged_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.began_at + LASTS

    @property
    def event(self) -> Event:
        return staged(KINDS[self.kind], self.code, self.began_at.astimezone(PARIS).date())

    def chance(self) -> Random:
        """Return the chance of the wave: the same each time it is asked for."""
        return Random(f"{self.kind}/{self.code}/{self.began_at.isoformat()}")  # noqa: S311 (invented, not a secret)

    def moments(self, chance: Random) -> list[datetime]:
        """Return when its mentions are published: ever more up to its height, then fewer."""
        drawn = (chance.triangular(0, LASTS.total_seconds(), HEIGHT.total_seconds()) for _ in range(MENTIONS))
        return [self.began_at + timedelta(seconds=second) for second in sorted(drawn)]


class Stage:
    """The waves, kept in a file where there is a folder for it: what was shown once is shown after a restart."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / "waves.json" if folder else None
        kept = json.loads(self._file.read_text()) if self._file and self._file.exists() else []
        read = (
            Wave(row["kind"], row["code"], *(datetime.fromisoformat(row[at]) for at in ("began_at", "staged_at")))
            for row in kept
        )
        self.waves = [wave for wave in read if wave.began_at > clock.now() - FORGOTTEN_AFTER]

    def add(self, kind: str, code: str, began_at: datetime) -> Wave:
        wave = Wave(kind, code, began_at, clock.now())
        self.waves.append(wave)
        if self._file:
            partial = self._file.with_suffix(".part")
            partial.write_text(json.dumps([asdict(wave) for wave in self.waves], default=datetime.isoformat))
            partial.replace(self._file)
        return wave

    def under_way(self, now: datetime) -> list[Wave]:
        return [wave for wave in self.waves if wave.began_at <= now < wave.ends_at]

    def prepare(self, seed: int) -> None:
        """Stage what a newcomer is to find: a rumour at its height, and an epidemic of the day before yesterday.

        What is there already stays, so that a restart adds nothing.
        """
        now = clock.now()
        today = now.astimezone(PARIS).date()
        first, second = draw(seed, "staging", today).sample([p.code for p in departements() if not p.is_overseas], 2)
        if not self.under_way(now):
            self.add("rumeur_enlevement", first, now - HEIGHT)
        if not any(CLOSED_UNTIL < now - wave.ends_at < CLOSED_FROM for wave in self.waves):
            noon = datetime.combine(today - timedelta(days=2), time(12), PARIS)
            self.add("epidemie", second, noon.astimezone(UTC))


async def _begin(request: Request) -> JSONResponse:
    stage, asked, now = request.app.state.stage, await request.json(), clock.now()
    for name, known in (("kind", KINDS), ("territory", TERRITORIES)):
        if asked.get(name) not in known:
            return JSONResponse({"error": f"unknown {name}", "known": sorted(known)}, 400)
    code = TERRITORIES[asked["territory"]]
    for wave in stage.under_way(now):
        if (wave.kind, wave.code) == (asked["kind"], code):
            return JSONResponse({"error": "under way", "ends_at": wave.ends_at.isoformat()}, 409)
    wave = stage.add(asked["kind"], code, now - BACKDATED)
    return JSONResponse({"place": departement(code).name, "ends_at": wave.ends_at.isoformat()}, 201)


ROUTES = (Route("/_control/waves", _begin, methods=["POST"]),)
