"""The HTML page on the effect of an action, which needs no other file and no network."""

from html import escape

from web.charts import course
from web.effects import LEGEND, Report, points

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b35; margin: 2rem auto; max-width: 46rem; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } p { margin: .3rem 0 }
svg { width: 100%; height: auto } .note { color: #555; font-size: .9rem } text { font-size: 12px }
.line { stroke: #000091; stroke-width: 2 } .mark { fill: #000091 } .here { fill: #c9191e } .axis { stroke: #ddd }
.expected { fill: none; stroke: #6a6af4; stroke-width: 2; stroke-dasharray: 6 4 } .band { fill: #e3e3fd }
"""


def page(report: Report) -> str:
    """Return the document; every text is escaped here."""
    title = escape(f"Effet de l'action {report.action['action_id']}")
    body = [f"<h1>{title}</h1>", *(f"<p>{escape(line)}</p>" for line in report.heading())]
    for reading in report.readings:
        body.append(f"<h2>{escape(reading.title)}</h2>")
        if reading.periods:
            body.append(course(points(reading), f"Observé et attendu : {reading.title}"))
        body += [f"<p>{escape(line)}</p>" for line in report.lines(reading)]
    body.append(f'<p class="note">{escape(LEGEND)}</p>')
    return (
        f'<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )
