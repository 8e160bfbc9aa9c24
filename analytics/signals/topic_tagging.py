"""Finds the topics of a mention and the place that its text names."""

from collections.abc import Iterable, Sequence

from analytics.geo import geoparsing
from analytics.signals import topics
from analytics.signals.topics import Topic

#: Not a topic: all mentions together, of which a topic has its share.
ALL = "ensemble"
#: Not a topic either: the mentions that are on none.
OTHER = "autres"

PLATFORM = "listening"

#: Changes when topics or places are read otherwise from the same text, so that all mentions are tagged again.
_READING = 2

#: Mention, its load, version of the topics, topic, territory that the text names.
Subject = tuple[str, str, str, str, str | None]


def version(watched: Sequence[Topic]) -> str:
    """Return the version of a reading; a mention read under another version is read again."""
    return f"{_READING}-{topics.version(watched)}"


def read(
    mentions: Iterable[tuple[str, str, str | None, str | None, str | None]], watched: Sequence[Topic]
) -> list[Subject]:
    """Return the subjects of mentions, two or more for each: `ALL`, and its topics or `OTHER`.

    A topic that is found counts for those that contain it too.

    Args:
        mentions: Identifier, load, title, text, and the listening tool's own profiles, separated by semicolons.
        watched: The topics.
    """
    current = version(watched)
    listened = [topic for topic in watched if topic.watches(PLATFORM)]
    parents = topics.parents(watched)
    found: list[Subject] = []
    for mention_id, load_id, title, text, profiles in mentions:
        content = ". ".join(part for part in (title, text) if part)
        codes = _codes(content, profiles, listened, parents)
        place = geoparsing.territory(content) if content else None
        found += [(mention_id, load_id, current, code, place) for code in (ALL, *(codes or [OTHER]))]
    return found


def _codes(text: str, profiles: str | None, watched: Iterable[Topic], parents: dict[str, str]) -> list[str]:
    folded = topics.folded(text)
    of_the_tool = frozenset(profiles.split(";")) if profiles else frozenset()
    codes: dict[str, None] = {}
    for topic in watched:
        if topic.compiled.finds(folded, of_the_tool):
            code: str | None = topic.code
            while code is not None:
                codes[code] = None
                code = parents.get(code)
    return list(codes)
