"""Every address, and the view that answers it."""

from django.urls import path

from web import api, events, monitoring, receiving
from web.pages import (
    action_form,
    actions,
    alerts,
    crises,
    figure,
    home,
    search,
    signals,
    sources,
    topics,
    verbatims,
    verdict,
    verification,
    wall,
)

handler400 = "web.failures.bad_request"
handler403 = "web.failures.forbidden"
handler404 = "web.failures.not_found"
handler500 = "web.failures.server_error"

urlpatterns = [
    path("", home.show, name="home"),
    path("connecte", home.logged_in, name="logged_in"),
    path("health", monitoring.healthz, name="health"),  # its former name, which others may watch
    path("healthz", monitoring.healthz, name="healthz"),
    path("readyz", monitoring.readyz, name="readyz"),
    path("metrics", monitoring.metrics, name="metrics"),
    path("chiffre/<str:code>/<str:period>/<str:territory>", figure.show, name="figure"),
    path("chiffre/<str:code>/<str:period>/<str:territory>/recalcul", figure.recomputation, name="figure_recomputation"),
    path("chiffre/<str:code>/<str:period>/<str:territory>/enregistrements", figure.records, name="figure_records"),
    path("chiffre/<str:code>/<str:period>/<str:territory>/preuve", figure.evidence, name="figure_evidence"),
    path("veille", signals.listed, name="signals"),
    path("veille/<str:signal_id>", signals.one, name="signal"),
    path("crises", crises.listed, name="crises"),
    path("crises/nouvelle", crises.opening, name="crisis_opening"),
    path("crises/<str:crisis_id>", crises.show, name="crisis"),
    path("crises/<str:crisis_id>/journal", crises.journal, name="crisis_journal"),
    path("crises/<str:crisis_id>/clore", crises.close, name="crisis_close"),
    path("crises/<str:crisis_id>/rapport", crises.report, name="crisis_report"),
    path("crises/<str:crisis_id>/rapport.pdf", crises.report_pdf, name="crisis_report_pdf"),
    path("crises/<str:crisis_id>/courbes", crises.pin, name="crisis_pin"),
    path("crises/<str:crisis_id>/courbes/<int:pin_id>/retirer", crises.unpin, name="crisis_unpin"),
    path("crises/<str:crisis_id>/ecrans", crises.admit_wall, name="crisis_wall"),
    path("crises/<str:crisis_id>/ecrans/<str:access_id>/revoquer", crises.revoke_wall, name="crisis_wall_revoke"),
    path("mur/<str:token>", wall.show, name="wall"),
    path("themes", topics.listed, name="topics"),
    path("themes/nouveau", topics.adding, name="topic_adding"),
    path("themes/<str:code>", topics.show, name="topic"),
    path("themes/<str:code>/arreter", topics.end, name="topic_end"),
    path("actions", actions.show_list, name="actions"),
    path("actions/nouvelle", action_form.show_new, name="action_new"),
    path("actions/brouillons/<str:draft_id>", action_form.show_draft, name="action_draft"),
    path("actions/deplacer", actions.move_hours, name="reallocation"),
    path("actions/<path:action_id>", actions.show_effect, name="action"),
    path("textes", verbatims.show, name="verbatims"),
    path("sources", sources.show, name="sources"),
    path("sources/<str:name>", sources.one, name="source"),
    path("sources/<str:name>/envoi", sources.send, name="source_send"),
    path("sources/<str:name>/abandon", sources.abandon, name="source_abandon"),
    path("sources/<str:name>/envoi/<uuid:upload_id>", sources.upload, name="source_upload"),
    path("sources/<str:name>/envoi/<uuid:upload_id>/depot", sources.deposit, name="source_deposit"),
    path("mes-alertes", alerts.show_list, name="alerts"),
    path("mes-alertes/nouveau", alerts.show_new, name="alert_new"),
    path("mes-alertes/<str:subscription_id>", alerts.show_one, name="alert"),
    path("verifier", verification.show, name="verification"),
    path("verifier/controle/<str:run>", verification.run, name="verification_run"),
    path("verifier/definitions", verification.definitions, name="definition_changes"),
    path("verifier/affiche", verification.displayed, name="displayed"),
    path("verifier/cle-publique", verification.public_key, name="public_key"),
    path("chercher", search.show, name="search"),
    path("verdict/<token>", verdict.show, name="verdict"),
    path("api/events/schema", events.schema, name="event_schema"),
    path("api/in/receipts/<str:delivery_id>", receiving.receipt, name="receipt"),
    path("api/in/<str:platform>/<str:entity>", receiving.receive, name="receive"),
    path("api/", api.urls),
]
