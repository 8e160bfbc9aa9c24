"""What moving hours of prevention would change, from measured effects alone, in French."""

import math
from dataclasses import dataclass
from typing import Any

import duckdb

from analytics.impact import Interval
from analytics.impact.reallocation import MeasuredEffect, Reallocation, reallocate
from analytics.impact.wording import between, number, signed
from core.errors import ExpectedFailure
from web.effects import read

#: Windows that are over, of actions whose hours are known: the others do not show what an hour brings.
_IS_MEASURED = "donors is not null and window_is_over and not is_share and working_hours > 0"
MEASURED = f"""
    select kpi_code, kpi_label, working_hours, effect_cumulative, effect_low, effect_high
    from impact.fct_action_effect
    where territory_code = ? and {_IS_MEASURED}
    order by effect_key
"""  # noqa: S608 - a constant
#: The départements in which an effect is measured.
PLACES = f"""
    select territory_code, territory_name
    from reference.dim_territory
    where
        territory_level = 'departement'
        and territory_code in (select territory_code from impact.fct_action_effect where {_IS_MEASURED})
    order by territory_code
"""  # noqa: S608 - a constant

NAMED = "select territory_name from reference.dim_territory"

ASSUMED = (
    "Ce calcul suppose que l'effet est proportionnel aux heures et que les prochaines actions ressemblent à celles qui "
    "ont été mesurées. L'effet est celui de la période suivie après une action."
)


@dataclass(frozen=True)
class Simulation:
    """What is expected of a reallocation, KPI by KPI.

    Args:
        hours: Hours that move.
        origin: Name of the territory that gives them.
        destination: Name of the one that takes them.
        changes: Label and expected change of each KPI that was measured in both.
        refused: Sentences on the KPIs that were measured in one of the two only, or for fewer hours.
    """

    hours: float
    origin: str
    destination: str
    changes: tuple[tuple[str, Reallocation], ...]
    refused: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "hours": self.hours,
            "from": self.origin,
            "to": self.destination,
            "kpis": [
                {
                    "label": label,
                    "at_origin": move.origin,
                    "at_destination": move.destination,
                    "together": move.together,
                }
                for label, move in self.changes
            ],
            "refused": list(self.refused),
        }

    @property
    def title(self) -> str:
        return f"Déplacer {number(self.hours)} heures de prévention, de {self.origin} vers {self.destination}"

    def described(self) -> list[tuple[str, list[str]]]:
        """Return the label of each KPI with what is expected of it, in French."""
        return [
            (
                label,
                [
                    f"{self.origin} : {_change(move.origin)}.",
                    f"{self.destination} : {_change(move.destination)}.",
                    f"Ensemble : {_change(move.together)}. {_verdict(move.together)}",
                    f"D'après {move.actions} action(s) mesurée(s) dans ces deux territoires.",
                ],
            )
            for label, move in self.changes
        ]

    def as_text(self) -> str:
        lines = [f"{self.title} :"]
        for label, sentences in self.described():
            lines += ["", label, *(f"  {sentence}" for sentence in sentences)]
        lines += ["", *self.refused] if self.refused else []
        return "\n".join([*lines, "", ASSUMED])


def simulate(connection: duckdb.DuckDBPyConnection, hours: float, origin: str, destination: str) -> Simulation:
    """Return what moving hours from one département to another would change, from the effects measured in both.

    Args:
        connection: Published copies, the daily one as default catalog.
        hours: Hours of prevention.
        origin: Code of the département that gives them, as FR-33.
        destination: Code of the one that takes them.

    Raises:
        ExpectedFailure: the question makes no sense, no effect was measured in one of the two, or only of fewer hours.
    """
    if not (math.isfinite(hours) and hours > 0):
        raise ExpectedFailure(
            f"On ne peut pas déplacer {hours:g} heures.", "Donnez un nombre d'heures supérieur à zéro."
        )
    if origin == destination:
        raise ExpectedFailure(f"Le départ et l'arrivée sont les mêmes : {origin}.", "Donnez deux territoires.")
    names = {code: _name(connection, code) for code in (origin, destination)}
    found = {code: read(connection, MEASURED, code) for code in (origin, destination)}
    for code, rows in found.items():
        if not rows:
            raise ExpectedFailure(
                f"Aucun effet n'a pu être mesuré dans {names[code]} ({code}) : rien ne permet de dire ce qu'y "
                "changerait une heure de plus ou de moins.",
                "Voyez dans « Impact et moyens » ce qui permettrait de conclure, ou choisissez un autre territoire.",
            )
    labels = {row["kpi_code"]: row["kpi_label"] for rows in found.values() for row in rows}
    of_kpi = {
        kpi: {code: [_measured(row) for row in rows if row["kpi_code"] == kpi] for code, rows in found.items()}
        for kpi in sorted(labels)
    }
    both = {kpi: by_place for kpi, by_place in of_kpi.items() if all(by_place.values())}
    if not both:
        raise ExpectedFailure(
            f"Aucun indicateur n'a d'effet mesuré à la fois dans {names[origin]} et dans {names[destination]} : les "
            "deux ne peuvent pas être comparés.",
            "Choisissez deux territoires dont les actions visaient un même indicateur.",
        )
    measured = {
        kpi: {code: float(sum(effect.hours for effect in effects)) for code, effects in by_place.items()}
        for kpi, by_place in both.items()
    }
    most = max(min(by_place.values()) for by_place in measured.values())
    beyond = tuple(
        f"{labels[kpi]} : dans {names[code]}, l'effet n'est mesuré que sur {_hours(known)} de prévention ; ce qu'en "
        f"changeraient {_hours(hours)} n'est pas connu."
        for kpi, by_place in measured.items()
        for code, known in by_place.items()
        if hours > known
    )
    if hours > most:
        raise ExpectedFailure(" ".join(beyond), f"Entre ces deux territoires, déplacez au plus {_hours(most)}.")
    changes = tuple(
        (labels[kpi], reallocate(hours, effects[origin], effects[destination]))
        for kpi, effects in both.items()
        if hours <= min(measured[kpi].values())
    )
    missing = tuple(
        f"{labels[kpi]} : aucun effet mesuré dans {names[code]}, aucun changement ne peut être annoncé."
        for kpi, by_place in of_kpi.items()
        for code, effects in by_place.items()
        if not effects
    )
    return Simulation(hours, names[origin], names[destination], changes, missing + beyond)


def _measured(row: dict[str, Any]) -> MeasuredEffect:
    return MeasuredEffect(
        row["working_hours"], row["effect_cumulative"], Interval(row["effect_low"], row["effect_high"])
    )


def _hours(hours: float) -> str:
    return f"{number(hours)}\u00a0heure{'s' if hours >= 2 else ''}"  # noqa: PLR2004


def _name(connection: Any, code: str) -> str:
    rows = read(connection, f"{NAMED} where territory_code = ? and territory_level = 'departement'", code)
    if not rows:
        raise ExpectedFailure(
            f"« {code} » n'est pas un département.", "Donnez un code comme FR-33, FR-2A ou FR-75C (Paris)."
        )
    return rows[0]["territory_name"]


def _change(change: tuple[float, Interval]) -> str:
    value, interval = change
    return f"{signed(value)}, intervalle à 90 % {between(interval, signed)}"


def _verdict(change: tuple[float, Interval]) -> str:
    if change[1].excludes(0.0):
        return "L'intervalle exclut l'absence de changement."
    return "On ne peut pas conclure : l'intervalle contient zéro."
