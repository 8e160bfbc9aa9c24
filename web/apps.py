"""The Django application, and what it refuses to start without."""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.urls import URLPattern, URLResolver


class Web(AppConfig):
    """The pages."""

    name = "web"

    def ready(self) -> None:
        checks.register(every_view_says_who_may_open_it, checks.Tags.security)


def patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every route below a resolver with its path."""
    for entry in resolver.url_patterns:
        match entry:
            case URLResolver():
                yield from patterns(entry, prefix + str(entry.pattern))
            case URLPattern():
                yield prefix + str(entry.pattern), entry


def every_view_says_who_may_open_it(**_: Any) -> list[checks.CheckMessage]:
    """Return an error for each view without a rule of access (`web.access`)."""
    from django.urls import get_resolver

    return [
        checks.Error(f"The view of /{path} does not say who may open it.", hint="Give it a decorator of web.access.")
        for path, entry in patterns(get_resolver())
        if not hasattr(entry.callback, "rule")
    ]
