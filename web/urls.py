"""Every address, and the view that answers it."""

from django.urls import path

from web import api
from web.pages import figure, home, search, sources, verbatims, verdict, verification

handler400 = "web.failures.bad_request"
handler403 = "web.failures.forbidden"
handler404 = "web.failures.not_found"
handler500 = "web.failures.server_error"

urlpatterns = [
    path("", home.show, name="home"),
    path("connecte", home.logged_in, name="logged_in"),
    path("sources", sources.show, name="sources"),
    path("sources/<str:name>", sources.one, name="source"),
    path("sources/<str:name>/envoi", sources.send, name="source_send"),
    path("sources/<str:name>/abandon", sources.abandon, name="source_abandon"),
    path("sources/<str:name>/envoi/<uuid:upload_id>", sources.upload, name="source_upload"),
    path("sources/<str:name>/envoi/<uuid:upload_id>/depot", sources.deposit, name="source_deposit"),
    path("textes", verbatims.show, name="verbatims"),
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
