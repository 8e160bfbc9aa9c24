"""What official alerts say beforehand: a vigilance lowers the bar for floods in its départements, for nothing else."""

from collections.abc import Iterable

from analytics.anomaly.thresholds import VIGILANCE

#: The topic, and what the phenomena of Météo-France and Vigicrues that announce it have in their names.
TOPIC = "inondation"
PHENOMENA = ("crue", "inondation", "submersion")


def prior(valid: Iterable[tuple[str, int | None, str]]) -> dict[tuple[str, str], float]:
    """Return by how much the budget of a topic is multiplied in a territory.

    Args:
        valid: Phenomenon, rank and territory of the official alerts that are valid now.
    """
    found: dict[tuple[str, str], float] = {}
    for phenomenon, rank, territory in valid:
        if any(name in phenomenon.lower() for name in PHENOMENA) and territory.startswith("FR-"):
            name = TOPIC, territory
            found[name] = max(found.get(name, 1.0), VIGILANCE.get(rank or 0, 1.0))
    return {name: times for name, times in found.items() if times > 1.0}
