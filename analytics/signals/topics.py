"""Definitions of topics, their validation, and the texts that their queries find."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from core.errors import ExpectedFailure
from privacy.vocabulary import fold

FILE = Path(__file__).with_name("topics.yml")

#: Kinds of crisis that a topic may announce.
KINDS = ("climatique", "écologique", "sanitaire", "sécuritaire", "cyber", "rumeur", "institution")

#: A watched topic as a row: the tables `live_topic` and `int_topic`.
COLUMNS = ("topic_code", "topic_label", "crisis_kind", "query", "platforms", "owner", "part_of", "topics_version")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
_TERM = re.compile(r'(-?)(?:(profil:)([\w-]+)|"([^"]*)"|(#?)([^\s"]+))')
_FIELDS = {"label", "query", "kind", "owner", "platforms", "part_of"}
_LONGEST_LABEL, _SHORTEST_WORD = 60, 3


@dataclass(frozen=True)
class Query:
    """What finds a text, and what excludes it, as regular expressions on folded text; empty where there is none."""

    found_by: str
    excluded_by: str
    profiles: frozenset[str]

    @cached_property
    def _found(self) -> re.Pattern[str] | None:
        return re.compile(self.found_by) if self.found_by else None

    @cached_property
    def _excluded(self) -> re.Pattern[str] | None:
        return re.compile(self.excluded_by) if self.excluded_by else None

    def finds(self, folded: str, profiles: Collection[str] = ()) -> bool:
        """Say whether a text is on the topic.

        Args:
            folded: The text, as `folded` returns it.
            profiles: Profiles of the listening tool that the text matches.
        """
        if self._excluded and self._excluded.search(folded):
            return False
        return bool(self._found and self._found.search(folded)) or not self.profiles.isdisjoint(profiles)


@dataclass(frozen=True)
class Topic:
    """A subject that is watched.

    Attributes:
        code: Identifier.
        label: French name.
        query: What finds it, as the operator wrote it.
        kind: Kind of crisis that it announces, one of `KINDS`.
        owner: Team that answers for it, `team:…`.
        platforms: Names of platforms on which it is watched; none for all.
        part_of: Code of the topic that contains it.
    """

    code: str
    label: str
    query: str
    kind: str
    owner: str
    platforms: tuple[str, ...] = ()
    part_of: str | None = None

    @cached_property
    def compiled(self) -> Query:
        """The query, read."""
        return parse(self.query, f"Thème {self.code}")

    def watches(self, platform: str) -> bool:
        return not self.platforms or platform in self.platforms


def folded(text: str) -> str:
    """Return a text as queries read it: lower case, no accents."""
    return fold(text)


def parse(query: str, where: str = "La requête") -> Query:
    """Read a query.

    Args:
        query: Words, `"phrases"`, `#hashtags`, `profil:…`, and exclusions after a minus, separated by spaces.
        where: What the message of a fault begins with.

    Raises:
        ExpectedFailure: it finds nothing, a quote is not closed, or a word is too short to mean anything.
    """
    if query.count('"') % 2:
        raise ExpectedFailure(
            f"{where} : un guillemet n'est pas refermé.", 'Écrivez les expressions entre "guillemets".'
        )
    found: list[str] = []
    excluded: list[str] = []
    profiles: set[str] = set()
    for minus, is_profile, profile, phrase, hashtag, word in _TERM.findall(query):
        if is_profile:
            if minus:
                raise ExpectedFailure(f"{where} : un profil ne s'exclut pas.", "Excluez des mots.")
            profiles.add(profile)
            continue
        (excluded if minus else found).append(_expression(phrase or word, hashtag, where))
    if not found and not profiles:
        raise ExpectedFailure(f"{where} ne trouve rien.", "Donnez au moins un mot, une expression ou un #mot-dièse.")
    return Query(_any(found), _any(excluded), frozenset(profiles))


def _expression(term: str, hashtag: str, where: str) -> str:
    prefix = term.endswith("*")
    parts = re.findall(r"[a-z0-9]+", fold(term))
    if sum(map(len, parts)) < _SHORTEST_WORD:
        raise ExpectedFailure(
            f"{where} : « {term} » a moins de {_SHORTEST_WORD} lettres et trouverait tout.", "Écrivez le mot entier."
        )
    ends = [*(rf"{part}[sx]?" for part in parts[:-1]), parts[-1] + (r"[a-z0-9]*" if prefix else "[sx]?")]
    return ("#" if hashtag else "") + "[^a-z0-9]{1,3}".join(ends)


def _any(expressions: list[str]) -> str:
    """Return one expression for any of several, each a whole word."""
    if not expressions:
        return ""
    return f"(?<![a-z0-9])(?:{'|'.join(sorted(expressions))})(?![a-z0-9])"


def topic(code: str, declared: Mapping[str, Any], platforms: Collection[str] | None = None) -> Topic:
    """Return a topic, checked.

    Args:
        code: Its code.
        declared: Its fields: label, query, kind, owner, and perhaps platforms and part_of.
        platforms: Names of the platforms that exist; not checked when None.

    Raises:
        ExpectedFailure: a field is absent, unknown or wrong.
    """
    where = f"Thème {code}"
    if not _CODE.fullmatch(code):
        raise ExpectedFailure(
            f"{where} : le code n'est pas valable.", "Écrivez 2 à 40 minuscules sans accent, chiffres ou tirets bas."
        )
    if unknown := sorted(declared.keys() - _FIELDS):
        raise ExpectedFailure(
            f"{where} : champ inconnu {', '.join(unknown)}.", f"Champs : {', '.join(sorted(_FIELDS))}."
        )
    for name in ("label", "query", "kind", "owner"):
        if not isinstance(declared.get(name), str) or not declared[name].strip():
            raise ExpectedFailure(f"{where} : le champ {name} manque.", "Ajoutez-le.")
    if declared["kind"] not in KINDS:
        raise ExpectedFailure(
            f"{where} : le genre « {declared['kind']} » est inconnu.", f"Genres : {', '.join(KINDS)}."
        )
    if not declared["owner"].startswith("team:"):
        raise ExpectedFailure(f"{where} : le responsable n'est pas une équipe.", "Écrivez team: et le nom de l'équipe.")
    if len(declared["label"]) > _LONGEST_LABEL:
        raise ExpectedFailure(f"{where} : le nom est trop long.", f"Il tient en {_LONGEST_LABEL} caractères.")
    named = tuple(declared.get("platforms") or ())
    if platforms is not None and (strange := sorted(set(named) - set(platforms))):
        raise ExpectedFailure(
            f"{where} : plateforme inconnue {', '.join(strange)}.", f"Plateformes : {', '.join(sorted(platforms))}."
        )
    parse(declared["query"], where)
    return Topic(
        code=code,
        label=declared["label"].strip(),
        query=" ".join(declared["query"].split()),
        kind=declared["kind"],
        owner=declared["owner"],
        platforms=named,
        part_of=declared.get("part_of"),
    )


def read(file: Path = FILE, platforms: Collection[str] | None = None) -> list[Topic]:
    """Return the topics of a file, in its order.

    Raises:
        ExpectedFailure: the file cannot be read, or a topic is wrong.
    """
    try:
        declared = yaml.load(file.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - the safe loader, in C
    except (OSError, yaml.YAMLError) as problem:
        line = getattr(getattr(problem, "problem_mark", None), "line", None)
        raise ExpectedFailure(
            f"{file.name} ne se lit pas{'' if line is None else f' (ligne {line + 1})'}.", "Corrigez ce fichier YAML."
        ) from None
    if not isinstance(declared, dict) or not all(isinstance(fields, dict) for fields in declared.values()):
        raise ExpectedFailure(
            f"{file.name} ne décrit pas de thèmes.", "Écrivez chaque thème comme `code:` et ses champs."
        )
    return together(topic(str(code), fields, platforms) for code, fields in declared.items())


def together(*groups: Iterable[Topic]) -> list[Topic]:
    """Return topics of several origins, the later taking the place of the earlier of the same code.

    Raises:
        ExpectedFailure: a topic is part of one that does not exist, or of itself.
    """
    found = {topic.code: topic for group in groups for topic in group}
    for topic in found.values():
        seen = {topic.code}
        part = topic
        while part.part_of is not None:
            if part.part_of not in found or part.part_of in seen:
                raise ExpectedFailure(
                    f"Thème {topic.code} : il fait partie de « {part.part_of} », qui n'existe pas ou le contient déjà.",
                    "Corrigez le champ part_of.",
                )
            part = found[part.part_of]
            seen.add(part.code)
    return list(found.values())


def of_operator(row: Mapping[str, Any]) -> Topic:
    """Return the topic that a row of the operations database holds."""
    platforms = _platforms(row["platforms"])
    return Topic(row["code"], row["label"], row["query"], row["kind"], row["owner"], platforms)


def watched(decided: Iterable[Mapping[str, Any]]) -> list[Topic]:
    """Return the topics that are watched; an operator's takes the place, and the part, of the project's of its code.

    Args:
        decided: Operators' topics, rows of the operations database in the order of their codes.
    """
    rows = list(decided)
    stopped = {row["code"] for row in rows if not row["active"]}
    of_project = {topic.code: topic for topic in read()}
    theirs = [
        replace(topic, part_of=of_project[topic.code].part_of) if topic.code in of_project else topic
        for topic in map(of_operator, rows)
    ]
    known = together(of_project.values(), theirs)
    kept = (topic for topic in known if topic.code not in stopped)
    return [replace(topic, part_of=None) if topic.part_of in stopped else topic for topic in kept]


def as_rows(topics: Iterable[Topic]) -> list[dict[str, str | None]]:
    listed = list(topics)
    current = version(listed)
    return [
        {
            "topic_code": topic.code,
            "topic_label": topic.label,
            "crisis_kind": topic.kind,
            "query": topic.query,
            "platforms": ",".join(topic.platforms),
            "owner": topic.owner,
            "part_of": topic.part_of,
            "topics_version": current,
        }
        for topic in listed
    ]


def from_rows(rows: Iterable[Sequence[Any]]) -> list[Topic]:
    return [
        Topic(code, label, query, kind, owner, _platforms(platforms), part_of)
        for code, label, kind, query, platforms, owner, part_of, _ in rows
    ]


def _platforms(names: str) -> tuple[str, ...]:
    return tuple(filter(None, names.split(",")))


def codes(topics: Iterable[Topic], text: str, platform: str) -> list[str]:
    text = folded(text)
    return [topic.code for topic in topics if topic.watches(platform) and topic.compiled.finds(text)]


def codes_of(texts: Iterable[tuple[str, str]], topics: Sequence[Topic], platform: str) -> list[tuple[str, str]]:
    """Return a row for each topic of each text: identifier of the text, code of the topic.

    Args:
        texts: Identifier and text of each.
        topics: The topics.
        platform: Where the texts are from.
    """
    return [(key, code) for key, text in texts for code in codes(topics, text, platform)]


def parents(topics: Iterable[Topic]) -> dict[str, str]:
    """Return each topic's code with that of the topic that contains it."""
    return {topic.code: topic.part_of for topic in topics if topic.part_of is not None}


def version(topics: Iterable[Topic]) -> str:
    """Return a mark that changes when what topics find changes."""
    definitions = sorted(f"{topic.code}\n{topic.query}\n{','.join(topic.platforms)}" for topic in topics)
    return sha256("\n\n".join(definitions).encode()).hexdigest()[:16]
