"""Words the French sentence that explains a signal."""

from collections.abc import Mapping

from analytics.anomaly.baseline import DAY_MINUTES, WAVE, Anomaly
from analytics.anomaly.streaming import wall_clock
from analytics.signals.context import Context
from analytics.signals.lifecycle import Signal
from analytics.signals.topic_tagging import ALL
from core.french import number

_COUNTED = {
    "mentions": ("mention", "mentions"),
    "negative": ("mention négative", "mentions négatives"),
    "chat_contacts": ("contact du tchat", "contacts du tchat"),
    "victims": ("victime", "victimes"),
    "negative_feedback": ("avis négatif", "avis négatifs"),
    "sent_services": ("démarche aboutie", "démarches abouties"),
    "failed_services": ("démarche abandonnée", "démarches abandonnées"),
}


def explanation(signal: Signal, topic_label: str, territories: Mapping[str, str], context: Context) -> str:
    """Return one sentence: what, where, when, how much more than usual, and what is new in the texts."""
    anomaly = signal.strongest
    parts = [f"{topic_label}, {territories.get(signal.territory, signal.territory)} : {_figure(anomaly)}"]
    if silence := _silence(anomaly):
        parts.append(silence)
    if signal.spread:
        parts.append(f"{signal.spread + 1} territoires ou plateformes touchés")
    if context.spreading is not None and signal.kind == "rumour":
        parts.append("marques d'une rumeur : " + ", ".join(context.spreading.marks))
    if context.terms:
        parts.append("termes nouveaux : " + ", ".join(f"« {term.term} »" for term in context.terms[:3]))
    return " ; ".join(parts) + "."


def _silence(anomaly: Anomaly) -> str | None:
    """Return what a silence is the silence of; nothing is known of those while our own loads fail."""
    if anomaly.method != "drop" or anomaly.key.metric not in {"mentions", "chat_contacts"}:
        return None
    if anomaly.key.topic != ALL:
        return "les autres thèmes continuent\u00a0: sa requête ou son profil ne trouve plus rien, ou le sujet s'est tu"
    if anomaly.key.metric == "chat_contacts":
        return "le tchat ne transmet plus rien"
    if anomaly.key.platform != "all":
        return f"le réseau «\u00a0{anomaly.key.platform}\u00a0» ne transmet plus rien, les autres continuent"
    return "nos chargements aboutissent\u00a0: c'est l'outil de veille qui ne transmet plus rien"


def _figure(anomaly: Anomaly) -> str:
    singular, plural = _COUNTED[anomaly.key.metric]
    counted = f"{number(anomaly.observed)} {singular if anomaly.observed < 2 else plural}"  # noqa: PLR2004
    clock = wall_clock(anomaly.at)
    since = "dès le" if anomaly.minutes > DAY_MINUTES or anomaly.method == WAVE else "le"
    when = (
        f"{since} {clock:%d/%m}"
        if anomaly.minutes >= DAY_MINUTES
        else f"{since} {clock:%d/%m à\u00a0%H\u00a0h\u00a0%M}"
    )
    lasting = {60: "en une heure", DAY_MINUTES: "en un jour", 7 * DAY_MINUTES: "en une semaine"}
    hours = round(anomaly.minutes / 60)
    rounded = f"en {anomaly.minutes} minutes" if not hours else lasting[60] if hours == 1 else f"en {hours} heures"
    during = lasting.get(anomaly.minutes, rounded)
    return f"{counted} {during} ({when}, heure de Paris), contre {number(anomaly.expected)} d'ordinaire"
