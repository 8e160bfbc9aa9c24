"""The French pages that the server renders without Superset's interface, and what it adds to Superset's own."""

from html import escape
from pathlib import Path

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

TEMPLATES = Path(__file__).with_name("templates")

_PAGE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – cyberimpact</title>
<style>
body {{font-family: Marianne, Arial, sans-serif; color: #161616; max-width: 40em; margin: 4em auto; padding: 0 1em}}
a {{color: #000091}}
</style></head>
<body><h1>{title}</h1><p>{text}</p><p><a href="{address}">{link}</a></p>
</body></html>
"""
_FAILURES = {
    404: (
        "Page introuvable",
        """Cette page n'existe pas, ou votre rôle ne l'ouvre pas.
        Si vous en avez besoin, adressez-vous à l'administrateur de cyberimpact.""",
    ),
    500: (
        "La page n'a pas pu être affichée",
        """Une erreur s'est produite sur le serveur, et rien n'a été changé. Recommencez dans une minute ;
        si cela dure, donnez l'heure et l'adresse de la page à l'administrateur de cyberimpact.""",
    ),
}


def page(title: str, text: str, *, address: str, link: str) -> str:
    fields = {"title": title, "text": text, "address": address, "link": link}
    return _PAGE.format(**{name: escape(value) for name, value in fields.items()})


def failure(status: int) -> str | None:
    """Return the page that is shown instead of Superset's own of an HTTP status, None where it may stay."""
    if status not in _FAILURES:
        return None
    return page(*_FAILURES[status], address="/", link="Revenir à l'accueil")


def add_templates(app: Flask) -> None:
    """Have Superset take the project's templates, which have the names of those that it leaves empty for that."""
    app.jinja_loader = ChoiceLoader([FileSystemLoader(TEMPLATES), app.jinja_loader])
