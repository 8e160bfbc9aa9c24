"""Every address, and the view that answers it."""

from django.urls import path

from web import api
from web.pages import home, search, sources, verbatims, verdict

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
    path("health", home.health, name="health"),
]
