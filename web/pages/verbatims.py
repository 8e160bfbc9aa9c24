"""What citizens write, redacted: one search, and how much of it there was in each month."""

import re
from collections.abc import Collection, Iterator
from datetime import date
from operator import itemgetter
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from analytics.text.words import fold, stem
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from warehouse import verbatims
from warehouse.verbatims import Filters, Found
from web import charts, reading
from web.access import PersonRequest, page
from web.charts import Point
from web.reading import Reading

TEXTS_A_PAGE = 20
#: A longer query is a text, not a search.
LONGEST_QUERY = 300
MOST_MONTHS = 36

_WORD = re.compile(r"[^\W_]+")
_TITLES = {platform.name: platform.title for platform in PLATFORMS}
_THEMES = "select distinct theme, theme_label from perception.fct_verbatim_theme order by theme_label"
_PLATFORMS = "select distinct platform from perception.fct_verbatim"
_FEELINGS = "select distinct feeling from perception.fct_verbatim_feeling where feeling is not null order by feeling"
_TERRITORIES = """
select distinct texts.territory_code, places.territory_name
from perception.fct_verbatim as texts
inner join reference.dim_territory as places on texts.territory_code = places.territory_code
where places.territory_level not in ('region', 'gendarmerie_region', 'nation')
order by places.territory_name
"""

Choices = list[tuple[str, str]]


class Search(forms.Form):
    """A search: words, and what the texts must be; everything may be left empty."""

    q = forms.CharField(
        label="Mots cherchés",
        required=False,
        max_length=LONGEST_QUERY,
        help_text="Accents et terminaisons ne comptent pas. Les noms de personnes et de lieux ne sont pas cherchés.",
    )
    platform = forms.ChoiceField(label="Plateforme", required=False)
    theme = forms.ChoiceField(label="Thème", required=False)
    territory = forms.ChoiceField(label="Territoire", required=False)
    feeling = forms.ChoiceField(label="Ressenti", required=False)
    since = forms.DateField(label="Écrits depuis le", required=False)
    until = forms.DateField(label="Jusqu'au", required=False)

    def __init__(self, data: Any, choices: dict[str, Choices]) -> None:
        super().__init__(data)
        for name, found in choices.items():
            self.fields[name].choices = [("", "Toutes" if name == "platform" else "Tous"), *found]
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        for name, found in self.fields.items():
            kind = "fr-select" if name in choices else "fr-input"
            found.widget.attrs |= {"class": kind, "aria-describedby": f"messages-{name}"}

    def clean_q(self) -> str:
        """Refuse words of which none can be searched for."""
        query = self.cleaned_data["q"]
        try:
            self.terms = verbatims.searched(query) if query else []
        except ExpectedFailure as failure:
            raise forms.ValidationError(str(failure)) from None
        return query

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "Cette date précède le début de la période.")
        return self.cleaned_data

    @property
    def filters(self) -> Filters:
        return Filters(**{name: self.cleaned_data[name] or None for name in Filters._fields})


@page(reads="perception.fct_verbatim")
def show(request: PersonRequest) -> HttpResponse:
    """Show the texts that a search finds, the best first; without words, the latest."""
    with reading.opened(request.person.right) as opened:
        choices = _choices(opened)
        search = Search(request.GET, choices)
        context = {"title": "Textes", "section": "verbatims", "search": search}
        if search.is_valid():
            context |= _found(opened, search, request.GET.get("page"), {k: dict(v) for k, v in choices.items()})
    return render(request, "web/verbatims.html", context)


def _choices(opened: Reading) -> dict[str, Choices]:
    """Return what a search can be narrowed to: what the reader's texts hold."""
    platforms = [(row["platform"], _TITLES[row["platform"]]) for row in opened.rows(_PLATFORMS)]
    return {
        "platform": sorted(platforms, key=itemgetter(1)),
        "theme": [(row["theme"], row["theme_label"]) for row in opened.rows(_THEMES)],
        "territory": [(row["territory_code"], row["territory_name"]) for row in opened.rows(_TERRITORIES)],
        "feeling": [(row["feeling"], row["feeling"]) for row in opened.rows(_FEELINGS)],
    }


def _found(opened: Reading, search: Search, number: str | None, names: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the texts of a page, their number, and their course."""
    months = verbatims.by_month(opened.connection, search.terms, search.filters)
    places = Paginator(range(sum(count for _, count in months)), TEXTS_A_PAGE).get_page(number)
    offset = max(0, places.start_index() - 1)
    found = verbatims.best(opened.connection, search.terms, search.filters, TEXTS_A_PAGE, offset)
    theme = names["theme"].get(search.cleaned_data["theme"])
    title = f"Textes par mois, thème « {theme} »" if theme else "Textes par mois"
    points = _points(months)
    return {
        "places": places,
        "texts": [(text, *_said(text, names), highlighted(text.text, search.terms)) for text in found],
        "points": points,
        "chart_title": title,
        "picture": charts.course(points, title),
    }


def _said(text: Found, names: dict[str, dict[str, str]]) -> tuple[str, str]:
    return names["platform"].get(text.platform, text.platform), names["territory"].get(text.territory_code, "")


def _points(months: list[tuple[date, int]]) -> list[Point]:
    """Return the last months, those without a text included."""
    counts = dict(months)
    if not counts:
        return []
    first, last = min(counts), max(counts)
    every = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    return [Point(month, f"{month:%m/%Y}", float(counts.get(month, 0))) for month in every[-MOST_MONTHS:]]


def highlighted(text: str, terms: Collection[str]) -> SafeString:
    """Return a text, escaped, with the words that were searched for marked."""
    return format_html_join("", "{}", ((piece,) for piece in _pieces(text, frozenset(terms))))


def _pieces(text: str, terms: frozenset[str]) -> Iterator[str | SafeString]:
    end = 0
    for word in _WORD.finditer(text):
        if stem(fold(word[0])) in terms:
            yield text[end : word.start()]
            yield format_html_join("", "<mark>{}</mark>", ((word[0],),))
            end = word.end()
    yield text[end:]
