"""Writes reports of troubles of the platform, in French; the message of a program stays as it is."""

from collections.abc import Sequence
from html import escape
from typing import Any

from core.french import moment
from operations.alerts.writing import Message
from operations.models import Alert, Trouble

SCHEMA = "cyberimpact.trouble/1"


def message(message_id: str, alerts: Sequence[Alert]) -> Message:
    """Write one message, the oldest trouble first."""
    alerts = sorted(alerts, key=lambda alert: (alert.created_at, alert.trouble.cause))
    first = alerts[0].subject
    subject = first if len(alerts) == 1 else f"{len(alerts)} messages d'exploitation, dont {first}"
    mark = f"Repère du message : {message_id}"
    return Message(
        message_id=message_id,
        subject=subject,
        plain="\n\n".join([*map(_plain, alerts), mark]) + "\n",
        html=(
            '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"></head><body>'
            f"{''.join(map(_html, alerts))}<p>{escape(mark)}</p></body></html>"
        ),
        data={"schema": SCHEMA, "id": message_id, "subject": subject, "troubles": [_data(alert) for alert in alerts]},
    )


def _facts(trouble: Trouble) -> list[tuple[str, str]]:
    ended = [("Rétabli", moment(trouble.ended_at))] if trouble.ended_at else []
    todo = [] if trouble.ended_at else [("Que faire", trouble.remedy)]
    page = [("Page", trouble.address)] if trouble.address else []
    return [("Constaté", moment(trouble.found_at)), *ended, ("Détail", trouble.detail), *todo, *page]


def _plain(alert: Alert) -> str:
    return "\n".join([alert.subject, "", *(f"{name} : {value}" for name, value in _facts(alert.trouble))])


def _html(alert: Alert) -> str:
    rows = "".join(f"<li>{escape(name)} : {_shown(value)}</li>" for name, value in _facts(alert.trouble))
    return f"<h1>{escape(alert.subject)}</h1><ul>{rows}</ul>"


def _shown(value: str) -> str:
    return f'<a href="{escape(value)}">{escape(value)}</a>' if value.startswith("http") else escape(value)


def _data(alert: Alert) -> dict[str, Any]:
    trouble = alert.trouble
    return {
        "alert_id": alert.alert_id,
        "cause": trouble.cause,
        "subject": alert.subject,
        "found_at": trouble.found_at.isoformat(),
        "ended_at": trouble.ended_at and trouble.ended_at.isoformat(),
        "detail": trouble.detail,
        "remedy": trouble.remedy,
        "page": trouble.address,
    }
