"""The addresses of the pages, and one more."""

from django.http import HttpResponse
from django.template import engines
from django.urls import path

from web import urls
from web.access import PersonRequest, page
from web.identity import Act

FORM = """{% extends "web/base.html" %}{% block content %}
{% if request.POST %}<h1>Reçu</h1><pre id="note">{{ request.POST.note }}</pre>{% else %}
<h1>Formulaire</h1>
<form method="post">{% csrf_token %}<label for="note">Note</label><textarea id="note" name="note"></textarea>
<button type="submit">Envoyer</button></form>{% endif %}{% endblock %}"""


@page(acts=Act.WATCH)
def form(request: PersonRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(FORM).render({"title": "Formulaire"}, request))


urlpatterns = [*urls.urlpatterns, path("formulaire", form, name="form")]
handler400, handler403, handler404, handler500 = (
    urls.handler400, urls.handler403, urls.handler404, urls.handler500
)  # fmt: skip
