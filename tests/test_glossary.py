"""The words that the glossary rules out stand in nothing that gendarmes and auditors read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings

GLOSSARY = settings.CHECKOUT / "docs" / "glossaire.md"
#: What French readers see: templates, what the bundle declares, descriptions of tables, documents.
READ = (
    *("web/templates/**/*.html", "superset/bundle/**/*.yaml", "dbt_project/docs/*.md"),
    *("docs/utilisateur.md", "docs/auditeur.md", "docs/alertes.md", "docs/impact-lecture.md"),
)
ROW = re.compile(r"^\| (?P<kept>[^|]+) \| (?P<refused>[^|]+) \| [^|]+ \|$", re.MULTILINE)


def refused() -> list[str]:
    rows = [
        row for row in ROW.finditer(GLOSSARY.read_text(encoding="utf-8")) if not row["kept"].startswith(("On", "-"))
    ]
    return [phrase.strip() for row in rows for phrase in row["refused"].split(",")]


def found(phrase: str, text: str) -> Iterator[int]:
    """Yield the number of each line of a text that has a phrase, as words of their own and no part of a path."""
    pattern = re.compile(rf"(?<![\w/.-]){re.escape(phrase)}(?![\w/-]|\.\w)", re.IGNORECASE)
    yield from (number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line))


def test_the_glossary_decides_some_forty_terms():
    assert len(refused()) > 40


@pytest.mark.parametrize(
    ("text", "lines"), [("Le direct est en retard.\nEn direct.", [1]), ("du directeur", []), ("indirect", [])]
)
def test_a_phrase_is_found_as_words(text, lines):
    assert list(found("le direct", text)) == lines


def test_what_people_read_uses_the_words_of_the_glossary():
    files = [path for pattern in READ for path in sorted(settings.CHECKOUT.glob(pattern))]
    assert len(files) > 100
    used = [
        f"{path.relative_to(settings.CHECKOUT)}:{line}: {phrase}"
        for path in files
        for phrase in refused()
        for line in found(phrase, prose(path))
    ]
    assert used == []


def prose(path: Path) -> str:
    """Return the text of a file without what no reader sees, line by line: tags, code, keys, targets of links."""
    text = path.read_text(encoding="utf-8")
    hidden = {
        ".html": (r"<!--.*?-->", r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<[^>]*>"),
        ".yaml": (
            r"#.*",
            r"^\s*[\w-]+:(?=\s)",
            r"^\s*(?:- )?\{?[a-z_]+\}?$",
            r"\{[^{}\n]*:[^{}\n]*\}",
            r"\[[^\]\n]*\]",
        ),
        ".md": (r"```.*?```", r"`[^`\n]*`", r"\]\([^)]*\)", r"\{%.*?%\}"),
    }[path.suffix]
    for pattern in hidden:
        text = re.sub(pattern, lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
    return text
