"""Every address, and the view that answers it."""

from django.urls import path

from web.pages import action_form, actions, alerts, home

handler400 = "web.failures.bad_request"
handler403 = "web.failures.forbidden"
handler404 = "web.failures.not_found"
handler500 = "web.failures.server_error"

urlpatterns = [
    path("", home.show, name="home"),
    path("connecte", home.logged_in, name="logged_in"),
    path("actions", actions.show_list, name="actions"),
    path("actions/nouvelle", action_form.show_new, name="action_new"),
    path("actions/brouillons/<str:draft_id>", action_form.show_draft, name="action_draft"),
    path("actions/deplacer", actions.move_hours, name="reallocation"),
    path("actions/<path:action_id>", actions.show_effect, name="action"),
    path("mes-alertes", alerts.show_list, name="alerts"),
    path("mes-alertes/nouveau", alerts.show_new, name="alert_new"),
    path("mes-alertes/<str:subscription_id>", alerts.show_one, name="alert"),
    path("health", home.health, name="health"),
]
