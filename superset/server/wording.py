"""Corrects the French of Superset's interface.

Superset fetches its texts in the browser from one file per language, whose French has errors. Its own route asks for a
session, so that the login page stays in English; this one does not, since the texts are public.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from flask import Flask, Response, request

import superset

ORIGINAL = Path(superset.__file__).parent / "translations" / "fr" / "LC_MESSAGES" / "messages.json"
CORRECTIONS = Path(__file__).with_name("wording.yml")


def french() -> dict[str, Any]:
    """Return Superset's French texts with the project's corrections over them."""
    texts = json.loads(ORIGINAL.read_text(encoding="utf-8"))
    corrections = yaml.safe_load(CORRECTIONS.read_text(encoding="utf-8"))
    texts["locale_data"]["superset"] |= {
        english: forms if isinstance(forms, list) else [forms] for english, forms in corrections.items()
    }
    return texts


def correct_wording(app: Flask) -> None:
    """Serve the corrected texts at the address of the original ones."""
    body = json.dumps(french(), ensure_ascii=False)

    # An address without a parameter comes before Superset's own `/superset/language_pack/<lang>/`.
    @app.get("/superset/language_pack/fr/")
    def french_texts() -> Response:
        response = Response(body, mimetype="application/json")
        response.add_etag()
        return response.make_conditional(request)
