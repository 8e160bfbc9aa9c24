"""Pictures of benchmarks, as SVG."""

from collections.abc import Sequence
from xml.sax.saxutils import escape


def text(x: float, y: float, words: str, colour: str = "#161616") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="13" font-family="sans-serif" fill="{colour}">{escape(words)}</text>'
    )


def picture(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>' + "\n".join(parts) + "</svg>\n"
    )
