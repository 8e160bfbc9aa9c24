"""Every address, and the view that answers it."""

from django.urls import path

from web import api
from web.pages import figure, home, search, signals, verdict, verification

handler400 = "web.failures.bad_request"
handler403 = "web.failures.forbidden"
handler404 = "web.failures.not_found"
handler500 = "web.failures.server_error"

urlpatterns = [
    path("", home.show, name="home"),
    path("connecte", home.logged_in, name="logged_in"),
    path("veille", signals.listed, name="signals"),
    path("veille/<str:signal_id>", signals.one, name="signal"),
    path("chercher", search.show, name="search"),
    path("verdict/<token>", verdict.show, name="verdict"),
    path("api/", api.urls),
    path("chiffre/<str:code>/<str:period>/<str:territory>", figure.show, name="figure"),
    path("chiffre/<str:code>/<str:period>/<str:territory>/recalcul", figure.recomputation, name="figure_recomputation"),
    path("chiffre/<str:code>/<str:period>/<str:territory>/enregistrements", figure.records, name="figure_records"),
    path("chiffre/<str:code>/<str:period>/<str:territory>/preuve", figure.evidence, name="figure_evidence"),
    path("verifier", verification.show, name="verification"),
    path("verifier/controle/<str:run>", verification.run, name="verification_run"),
    path("verifier/definitions", verification.definitions, name="definition_changes"),
    path("verifier/affiche", verification.displayed, name="displayed"),
    path("verifier/cle-publique", verification.public_key, name="public_key"),
    path("health", home.health, name="health"),
]
