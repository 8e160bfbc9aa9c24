"""Renders the effect of one action as a self-contained HTML page."""

from collections.abc import Sequence
from html import escape

from cli.commands.impact import Period

_WIDTH, _HEIGHT, _MARGIN = 720, 260, 40

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b35; margin: 2rem auto; max-width: 46rem; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } p { margin: .3rem 0 }
svg { width: 100%; height: auto } .note { color: #555; font-size: .9rem }
"""


def page(title: str, heading: Sequence[str], sections: Sequence[tuple[str, Sequence[str], Sequence[Period]]]) -> str:
    """Return the document; every text is escaped here.

    Args:
        title: Of the document.
        heading: Lines on the action.
        sections: Title, lines and periods of each KPI; no periods where there is no effect.
    """
    body = [f"<h1>{escape(title)}</h1>", *(f"<p>{escape(line)}</p>" for line in heading)]
    for name, lines, periods in sections:
        body.append(f"<h2>{escape(name)}</h2>")
        if periods:
            body.append(picture(periods))
        body += [f"<p>{escape(line.strip())}</p>" for line in lines]
    body.append(
        "<p class=\"note\">Trait plein : observé. Tirets : attendu sans l'action. Bande : où l'observé serait resté "
        "neuf fois sur dix. Trait vertical : début de l'action.</p>"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def picture(periods: Sequence[Period]) -> str:
    """Return observed, expected and band as an inline SVG."""
    past = [period for period in periods if not period.is_after]
    bands = [period.band for period in periods if period.band]
    counted, expected = [period.counted for period in periods], [period.expected for period in periods]
    top = max(*counted, *expected, *(band.high for band in bands), 1.0)
    step = (_WIDTH - 2 * _MARGIN) / max(len(counted) - 1, 1)

    def points(values: Sequence[float], offset: int = 0) -> str:
        return " ".join(
            f"{_MARGIN + (offset + index) * step:.1f},{_HEIGHT - _MARGIN - value / top * (_HEIGHT - 2 * _MARGIN):.1f}"
            for index, value in enumerate(values)
        )

    lows, highs = [band.low for band in bands], [band.high for band in bands]
    upper, lower = points(highs, len(past)).split(), points(lows, len(past)).split()
    start = _MARGIN + (len(past) - 0.5) * step
    base = _HEIGHT - _MARGIN
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Observé, attendu et bande attendue">'
        f'<line x1="{_MARGIN}" y1="{base}" x2="{_WIDTH - _MARGIN}" y2="{base}" stroke="#999"/>'
        f'<line x1="{start:.1f}" y1="{_MARGIN}" x2="{start:.1f}" y2="{base}" stroke="#c9191e" stroke-dasharray="2 3"/>'
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="#6a6af4" fill-opacity="0.2"/>'
        f'<polyline points="{points(expected)}" fill="none" stroke="#6a6af4" stroke-width="2" stroke-dasharray="6 4"/>'
        f'<polyline points="{points(counted)}" fill="none" stroke="#000091" stroke-width="2"/>'
        f'<text x="{_MARGIN - 6}" y="{_MARGIN + 4}" text-anchor="end" font-size="12">{top:.0f}</text>'
        f'<text x="{_MARGIN - 6}" y="{base}" text-anchor="end" font-size="12">0</text>'
        f'<text x="{start + 4:.1f}" y="{_MARGIN - 8}" font-size="12">{periods[len(past)].start:%d/%m/%Y}</text></svg>'
    )
