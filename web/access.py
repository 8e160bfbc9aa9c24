"""Says of each view who may open it and who may act on it, and holds to it.

A view has one decorator: `page`, or `open_to_all` with what stands in the place of a session. One that has none is
refused at the start (`web.apps`) and on each request.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from core import settings
from operations import roles
from operations.acts import Author
from warehouse import rights
from web import failures, identity, senders
from web.failures import Refused
from web.identity import Act, NoAnswerError, Person

READING = frozenset({"GET", "HEAD"})

View = Callable[..., HttpResponse]


def author_of(person: Person) -> Author:
    """Return as whom the acts of a person are recorded."""
    return Author(person.role, person.account)


class PersonRequest(HttpRequest):
    """A request of somebody who is known: what a view with a `page` decorator is given."""

    person: Person


#: The roles that give each act, as `superset/policies/roles.yml` says.
GIVEN_BY = {
    Act.WATCH: ("veille",),
    Act.PREVENT: ("prevention",),
    Act.VERIFY: ("auditeur",),
    Act.LOAD: ("administrateur", "ingenieur"),
}


def refusal(act: Act, territories: str = "") -> Refused:
    """Return the refusal of an act, which names the roles that give it.

    Args:
        act: What one must be allowed to do.
        territories: Names of those that one must act on; empty where that is not why.
    """
    names = " ou ".join(f"«\u00a0{roles.title(name)}\u00a0»" for name in GIVEN_BY[act])
    where = f" sur {territories}" if territories else ""
    return Refused(f"Il faut le rôle {names}{where}.", "L'administrateur donne les rôles.")


@dataclass(frozen=True)
class Rule:
    """Who may open a view.

    Attributes:
        reads: A table, `schema.table`, that one's right must grant; None for any table.
        opens: What one must be allowed to do to open it; None for nothing special.
        acts: Of these, what one must be allowed to do to send its form; empty where it takes none.
        methods: What it may be asked by.
        is_open: Whether it needs no session: it is public, or a token or signature in the request decides.
        why: Why it needs none.
    """

    reads: str | None = None
    opens: Act | None = None
    acts: frozenset[Act] = frozenset()
    methods: frozenset[str] = READING
    is_open: bool = False
    why: str = ""

    def admits(self, person: Person, method: str) -> bool:
        """Return whether a person may send a request of a method."""
        right = person.right
        if not right or (self.reads and not right.is_everything and self.reads not in right.tables):
            return False
        if self.opens and self.opens not in person.acts:
            return False
        return method in READING or not self.acts or bool(self.acts & person.acts)

    def refusal(self, person: Person, method: str) -> Refused | None:
        """Return why a person is not admitted, None where no role of the project is held at all."""
        if not person.right:
            return None
        if self.opens and self.opens not in person.acts:
            return refusal(self.opens)
        if method not in READING and self.acts and not self.acts & person.acts:
            return refusal(min(self.acts))
        policies = rights.current()
        granting = [
            f"«\u00a0{reader.title}\u00a0»"
            for name, reader in policies.roles.items()
            if not reader.code and self.reads in policies.right({name}).tables
        ]
        return Refused(
            f"Ces données se lisent avec le rôle {' ou '.join(granting)}.", "L'administrateur donne les rôles."
        )


def page(*, reads: str | None = None, opens: Act | None = None, acts: Act | None = None) -> Callable[[View], View]:
    """Say who may open a view: whoever may read something, or a table; with `acts`, who may send its form.

    A form that only asks, such as a search, is sent by GET.
    """
    methods = READING | {"POST"} if acts else READING
    return _ruled(Rule(reads, opens, frozenset({acts} if acts else ()), methods))


def act(*needs: Act, reads: str | None = None) -> Callable[[View], View]:
    """Say that a view takes a form and shows nothing by itself, and of what one must be allowed one to send it."""
    return _ruled(Rule(reads=reads, acts=frozenset(needs), methods=frozenset({"POST"})))


def personal() -> Callable[[View], View]:
    """Say that a view is for whoever may read something, and takes forms that concern the person's own role alone."""
    return _ruled(Rule(methods=READING | {"POST"}))


def open_to_all(why: str, methods: frozenset[str] = READING) -> Callable[[View], View]:
    """Say that a view needs no session, and why; no cookie decides there, so none can be abused."""
    return lambda view: csrf_exempt(_ruled(Rule(methods=methods, is_open=True, why=why))(view))


def _ruled(rule: Rule) -> Callable[[View], View]:
    def ruled(view: View) -> View:
        view.rule = rule  # ty: ignore[missing-attribute]
        return view

    return ruled


class Access:
    """Middleware: lets a request through to its view if its rule admits who sends it."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        """Return the refusal of a request, None for one that the view may answer."""
        rule: Rule | None = getattr(view, "rule", None)
        if rule is None or request.method not in rule.methods:
            refusal = failures.shown(request, HTTPStatus.METHOD_NOT_ALLOWED)
            refusal.headers["Allow"] = ", ".join(sorted(rule.methods)) if rule else ""
            return refusal
        if rule.is_open:
            return None
        try:
            person = identity.person_of(request.COOKIES.get(identity.COOKIE), now=request.method not in READING)
        except NoAnswerError:
            return failures.shown(request, HTTPStatus.SERVICE_UNAVAILABLE)
        if person is None:
            return _without_session(request)
        senders.recognise(request)
        request.person = person  # ty: ignore[missing-attribute]
        if rule.admits(person, str(request.method)):
            return None
        return failures.shown(request, HTTPStatus.FORBIDDEN, rule.refusal(person, str(request.method)))


def _without_session(request: HttpRequest) -> HttpResponse:
    """Send a reader to the login and back; give a form back with all that was typed."""
    if request.method not in READING:
        return failures.expired(request, login_url(request, "/connecte"))
    login = login_url(request, request.get_full_path())
    if request.headers.get("HX-Request"):  # only a part is asked for: the page, and what is typed there, stays
        context = {"login": login_url(request, "/connecte")}
        return render(request, "web/expired_part.html", context, status=HTTPStatus.UNAUTHORIZED)
    return HttpResponseRedirect(login)


def login_url(request: HttpRequest, path: str) -> str:
    """Return Superset's page that asks for a login and leads back to a path, on the host that the browser uses.

    A cookie belongs to a host: a browser that came by another name of it would not have the cookie here.
    """
    here = f"{request.scheme}://{request.get_host()}"
    return f"{superset_url(request)}/login/?{urlencode({'next': here + path}, quote_via=quote)}"


def superset_url(request: HttpRequest) -> str:
    """Return where people reach Superset: at its public address, or else on its port of the host that they use."""
    host = request.get_host().partition(":")[0]
    public = settings.get("CYBERIMPACT_SUPERSET_URL")
    return (public or f"{request.scheme}://{host}:{settings.port('superset')}").rstrip("/")
