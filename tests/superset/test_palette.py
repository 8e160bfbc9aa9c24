"""The colours of the dashboards: readable on white, and distinguishable without red or green vision."""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import pytest
from supersync.bundle import read_yaml

from tests.superset.conftest import BUNDLE

PALETTE: dict[str, Any] = read_yaml(BUNDLE / "palette.yaml")
MEANINGS, CATEGORICAL = PALETTE["meanings"], PALETTE["categorical"]
#: Of WCAG 2.1: text, and what is drawn.
READ, DRAWN = 4.5, 3.0
#: Least distance in CIELAB of two colours in a chart; of two that never share one, so that a colour has one meaning.
APART, OTHER = 12, 10

#: What is left of a colour without red (protanopia) and without green vision (deuteranopia), in linear light: Machado,
#: Oliveira and Fernandes, 2009, severity 1.
VISIONS = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}

FEELINGS = [MEANINGS[name] for name in ("positif", "neutre", "négatif")]
PLATFORMS = [
    MEANINGS[name]
    for name in ("Je donne mon avis", "Avis Google et Facebook", "Services Publics+", "Boutiques d'applications")
]
#: Marks with a meaning of their own beside series without one.
ALONE = [MEANINGS[name] for name in ("Victimes assistées", "semblables")]
#: A course beside what it is compared with.
COMPARED = [CATEGORICAL[0], *(MEANINGS[name] for name in ("attendu", "borne"))]
#: A course with the points that are set apart.
MARKED = [CATEGORICAL[0], *(MEANINGS[name] for name in ("hors_habitude", "fragile", "evenement"))]


def product(row: Sequence[float], column: Sequence[float]) -> float:
    return sum(cell * other for cell, other in zip(row, column, strict=True))


def linear(colour: str) -> tuple[float, ...]:
    """Return red, green and blue in linear light, from 0 to 1."""
    parts = (part / 255 for part in bytes.fromhex(colour.removeprefix("#")))
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def luminance(colour: str) -> float:
    return product((0.2126, 0.7152, 0.0722), linear(colour))


def contrast(first: str, other: str) -> float:
    dark, light = sorted(map(luminance, (first, other)))
    return (light + 0.05) / (dark + 0.05)


def lab(light: Sequence[float]) -> tuple[float, float, float]:
    """Return the place of a colour in CIELAB, under daylight."""
    matrix = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    white = (0.95047, 1, 1.08883)
    x, y, z = (
        t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116
        for t in (product(row, light) / of_white for row, of_white in zip(matrix, white, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour: str, vision: str) -> tuple[float, float, float]:
    return lab([min(1, max(0, product(row, linear(colour)))) for row in VISIONS[vision]])


def too_close(pairs: Sequence[tuple[str, str]], least: float, visions: Sequence[str]) -> list[tuple[str, str, str]]:
    return [
        (first, other, vision)
        for first, other in pairs
        for vision in visions
        if math.dist(seen(first, vision), seen(other, vision)) < least
    ]


def test_the_measure_is_that_of_the_standards():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx((53.24, 80.09, 67.20), abs=0.05)
    red, green = "#c00000", "#707000"  # the same without green vision, far apart with it
    assert math.dist(seen(red, "all"), seen(green, "all")) > 5 * math.dist(
        seen(red, "deuteranopia"), seen(green, "deuteranopia")
    )


@pytest.mark.parametrize(
    "name", ["brand", "brand_hover", "text", "text_secondary", "success", "warning", "error", "info"]
)
def test_what_is_read_stands_out(name):
    for ground in ("surface", "background"):
        assert contrast(PALETTE[name], PALETTE[ground]) >= READ


@pytest.mark.parametrize("colour", [*MEANINGS.values(), *CATEGORICAL])
def test_what_is_drawn_stands_out(colour):
    assert contrast(colour, PALETTE["surface"]) >= DRAWN


@pytest.mark.parametrize("group", [FEELINGS, PLATFORMS, COMPARED, MARKED, CATEGORICAL])
def test_series_of_a_chart_are_told_apart_by_everybody(group):
    assert too_close(list(combinations(group, 2)), APART, list(VISIONS)) == []


def test_a_mark_with_a_meaning_is_told_from_any_other_series():
    pairs = [(first, other) for first in ALONE for other in CATEGORICAL]
    assert too_close(pairs, APART, list(VISIONS)) == []


def test_a_colour_has_one_meaning():
    colours = [*dict.fromkeys(MEANINGS.values()), *CATEGORICAL]  # names of one meaning share a colour
    assert too_close(list(combinations(colours, 2)), OTHER, ["all"]) == []
    measured = {*FEELINGS, *PLATFORMS, *ALONE, *COMPARED[1:], *MARKED[1:]}
    assert measured == set(MEANINGS.values())


@pytest.mark.parametrize("scale", ["sequential", "classes"])
def test_more_is_darker(scale):
    lightness = [seen(colour, vision)[0] for vision in VISIONS for colour in PALETTE[scale]]
    steps = len(PALETTE[scale])
    for start in range(0, len(lightness), steps):
        assert all(lighter - darker > 5 for lighter, darker in pairwise(lightness[start : start + steps]))
