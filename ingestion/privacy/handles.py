"""Finds pseudonyms in running text: handles, profile addresses, words that "pseudo :" or an account announces."""

import re

from ingestion.privacy.reading import BLANK as _B
from ingestion.privacy.reading import Reading, Span, replace_spans
from ingestion.privacy.vocabulary import Kind, look_up

_AT_HANDLE = re.compile(r"(?<![\w@.])@(?!\s)(\w[\w.\-]{0,40}\w|\w)")
#: Accounts of institutions are nobody's.
_OFFICIAL_HANDLE = re.compile(
    r"gendarmerie|gendarme_|police|prefet|pr[ée]fecture|gouv|interieur|cybermalveillance|cybergend|17cyber|place_?beauvau|pompiers"
    r"|sdis|samu|justice|anssi|cnil|elysee|matignon|meteofrance|vigicrues|servicespublics|doctolib|laposte|orange|sfr|free",
    re.IGNORECASE,
)
_QUOTED = r"[\"«“'‘]\s?"
_HANDLE = r"@?[^\W_][\w.\-#]{1,40}\w|@?_\w[\w.\-]{1,40}"
_SERVICE = (
    r"(?:instagram|insta|snapchat|snap|tiktok|tik tok|twitter|discord|telegram|facebook|fb|twitch|steam|psn|xbox|skype"
    r"|youtube|leboncoin|vinted|whatsapp|roblox|fortnite|x)"
)
_DECLARED_HANDLE = re.compile(
    rf"((?:pseudos?|pseudonymes?|nicknames?|nick|username|user{_B}?name|login|alias|identifiants?|nom{_B}d['’]utilisateur"
    rf"|nom{_B}de{_B}(?:joueur|profil|compte)|gamertag|surnomm[ée]e?|handle|{_SERVICE})"
    rf"(?:{_B}(?:{_SERVICE}|sur{_B}(?:le{_B})?{_SERVICE}|de{_B}(?:joueur|connexion|jeu)|en{_B}ligne))?)"
    rf"({_B}{{0,2}}(?::|=|est{_B}:?|c['’]est{_B}:?|devient{_B}|était{_B}|etait{_B}|de{_B}){_B}{{0,2}}|{_B})({_QUOTED})?({_HANDLE})",
    re.IGNORECASE,
)
_ACCOUNT_HANDLE = re.compile(
    rf"((?:compte|comptes|profil|utilisateur|utilisatrice|user|internaute|joueur|joueuse|vendeur|vendeuse|acheteur|acheteuse"
    rf"|nomm[ée]e?|appel[ée]e?|appelle|nom|contact|membre|streamer|{_SERVICE})"
    rf"(?:{_B}(?:{_SERVICE}|nomm[ée]e?|appel[ée]e?|de|du|au{_B}nom{_B}de|sous{_B}le{_B}nom{_B}de|est|s['’]appelle)){{0,3}}{_B}?:?{_B}?(?:{_QUOTED})?)({_HANDLE})",
    re.IGNORECASE,
)
_PROFILE = re.compile(
    r"(?<![\w\-])(?:facebook|instagram|twitter|tiktok|snapchat|linkedin|t|x|twitch|vinted|leboncoin|discord|youtube)\.(?:com|me|tv|fr|gg)/(?:in/|add/|user/|member/|u/|@|c/)?"
    r"([\w.\-@%]{2,60})",
    re.IGNORECASE,
)
#: An account at caf.fr is no pseudonym.
_SITE = re.compile(r"\.(?:fr|com|org|net|eu)\Z", re.IGNORECASE)
_PROFILE_ENDINGS = (".com/", ".me/", ".tv/", ".fr/", ".gg/")
_TAG = re.compile(r"(?<![\w#])[^\W\d_][\w.]{1,31}#\d{4}(?!\d)")
_PSEUDONYM_WORDS = ("pseudo", "nick", "gamertag", "alias", "user", "login", "surnom")
_ODD = re.compile(r"(?=.*[^\W\d_])(?:.*\d|.*_|.*[a-zà-ÿ][A-Z]|.*\w[.]\w)", re.DOTALL)
_NUMBER_AND_UNIT = re.compile(
    r"\d+(?:er|e|ème|eme|nd|h\d*|euros?|eur|km|kg|ans|fois|%|mn|min|g|go|mo)?|covid-?\d+|\d{1,2}h\d{2}|17cyber",
    re.IGNORECASE,
)
_COMMON = int(Kind.COMMON)
_INSTITUTION = int(Kind.INSTITUTION)
_ANNOUNCER = int(Kind.HANDLE)


def mask_pseudonyms(reading: Reading) -> str:
    """Replace handles, profile addresses and declared pseudonyms; accounts of institutions stay."""
    text = reading.text
    spans: list[Span] = []
    if reading.present & _ANNOUNCER:
        for start, kinds in zip(reading.starts, reading.kinds, strict=True):
            if kinds & _ANNOUNCER:
                spans += [span for span in (_declared_handle(text, start), _account_handle(text, start)) if span]
    if "@" in text:
        spans += [found.span() for found in _AT_HANDLE.finditer(text) if not _OFFICIAL_HANDLE.search(found[1])]
    if "#" in text:
        spans += [found.span() for found in _TAG.finditer(text)]
    if any(ending in text for ending in _PROFILE_ENDINGS):
        spans += [found.span(1) for found in _PROFILE.finditer(text) if not _OFFICIAL_HANDLE.search(found[1])]
    return replace_spans(text, spans, "[PSEUDO]")


def _is_odd(handle: str) -> bool:
    """Tell whether a word is spelt as only pseudonyms are: digits, underscores or capitals inside."""
    if _SITE.search(handle):
        return False
    return bool(_ODD.match(handle)) and not _NUMBER_AND_UNIT.fullmatch(handle) and not _OFFICIAL_HANDLE.search(handle)


def _declared_handle(text: str, start: int) -> Span | None:
    """Return the pseudonym that `pseudo :`, `mon pseudo est`, `snap` announces."""
    found = _DECLARED_HANDLE.match(text, start)
    if not found or text[start - 1 : start] == "[":
        return None
    announced, link, quote, handle = found[1], found[2], found[3] or "", found[4]
    if handle.isdecimal() or _OFFICIAL_HANDLE.search(handle):
        return None
    kinds = look_up(handle.strip("@"))[1]
    if kinds & _INSTITUTION and not quote:
        return None
    is_linked = bool(link.strip() or quote) and link.strip().lower() != "de"
    is_word = bool(kinds & _COMMON) and not quote
    is_pseudonym = announced.lower().startswith(_PSEUDONYM_WORDS)
    is_told = is_pseudonym and (":" in link or "=" in link or (handle[0].isupper() and not announced.isupper()))
    if _is_odd(handle) or (is_linked and not is_word) or is_told:
        return found.span(4)
    return None


def _account_handle(text: str, start: int) -> Span | None:
    """Return the pseudonym of an account, which only its odd spelling or its quotes tell from a word."""
    found = _ACCOUNT_HANDLE.match(text, start)
    if not found or text[start - 1 : start] == "[" or look_up(found[2])[1] & _INSTITUTION:
        return None
    is_quoted = found[1].rstrip()[-1:] in '"«“‘' and not look_up(found[2])[1] & _COMMON
    return found.span(2) if _is_odd(found[2]) or is_quoted else None
