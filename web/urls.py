"""Every address, and the view that answers it."""

from django.urls import path

from web import api
from web.pages import home, search, signals, verdict

handler400 = "web.failures.bad_request"
handler403 = "web.failures.forbidden"
handler404 = "web.failures.not_found"
handler500 = "web.failures.server_error"

urlpatterns = [
    path("", home.show, name="home"),
    path("connecte", home.logged_in, name="logged_in"),
    path("chercher", search.show, name="search"),
    path("verdict/<token>", verdict.show, name="verdict"),
    path("api/", api.urls),
    path("health", home.health, name="health"),
    path("veille", signals.listed, name="signals"),
    path("veille/<str:signal_id>", signals.one, name="signal"),
]
