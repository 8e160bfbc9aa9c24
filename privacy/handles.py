"""Finds pseudonyms in running text: handles, profile addresses, announced account names."""

import re
from collections.abc import Iterator

from privacy.reading import BLANK as _B
from privacy.reading import Reading, Span, replace_spans
from privacy.vocabulary import Kind, look_up, word_set

_AT_HANDLE = re.compile(r"(?<![\w@.])@(?!\s|(?:tous|toutes|all|everyone|here|followers)\b)(\w[\w.\-]{0,40}\w|\w)")
#: Accounts of institutions and of the press are nobody's; short words count only where they stand alone.
_OFFICIAL_HANDLE = re.compile(
    r"gendarmerie|gendarme_|police|prefet|pr[ée]fecture|gouv|interieur|cybermalveillance|cybergend|17cyber|beauvau"
    r"|pompiers|justice|elysee|matignon|m[ée]t[ée]o|vigicrues|servicespublics|doctolib|laposte|ministere|mairie|tribunal"
    r"|franceinfo|francetv|france_?(?:bleu|inter|[2-5])|lemonde|lefigaro|leparisien|ouest_?france|sud_?ouest|mediapart"
    r"|20minutes|lesechos|leprogres|ladepeche|lequipe|marinenationale|arm[ée]ede|sncf|enedis|dreal|ville_?de|bfm|cnews|vinci_?autoroute|croix_?rouge|protection_?civile|signal_?spam|perceval|pharos|protegetonscore"
    r"|(?<![^\W\d_])(?:sdis|samu|anssi|cnil|ratp|edf|caf|cpam|ameli|tf1|m6|rtl|rmc|afp|orange|sfr|free|ars"
    r"|senat|ville|ants|dgfip|urssaf|ademe|arcom|dgccrf|cci|assembleenat)(?![^\W\d_])",
    re.IGNORECASE,
)
_QUOTED = r"[\"«“'‘]\s?"
_HANDLE = r"@?[^\W_][\w.\-#]{1,40}\w|@?_\w[\w.\-]{1,40}"
_SERVICE = (
    r"(?:instagram|insta|ig|snapchat|snap|tiktok|tik tok|twitter|discord|telegram|facebook|fb|messenger|twitch|steam"
    r"|psn|playstation|xbox(?: live)?|skype|youtube|leboncoin|vinted|whatsapp|wechat|signal|threema|wickr|jabber|reddit"
    r"|mastodon|bluesky|threads|linkedin|tinder|badoo|meetic|grindr|onlyfans|mym|roblox|fortnite|minecraft|x)"
)
_A_SERVICE = re.compile(_SERVICE, re.IGNORECASE)
_PSEUDONYM = r"(?:pseudos?|pseudonymes?|nicknames?|nick|gamertag|surnoms?|surnomm[ée]e?|sobriquet|blaze|alias)"
_LOGIN = (
    rf"(?:username|user{_B}?name|login|identifiants?|nom{_B}d['’]utilisateur|nom{_B}de{_B}(?:joueur|profil|compte)"
    r"|handle)"
)
_DECLARED_HANDLE = re.compile(
    rf"((?:{_PSEUDONYM}|{_LOGIN}|{_SERVICE})"
    rf"(?:{_B}(?:{_SERVICE}|(?:sur|dans){_B}(?:(?:le|la|mon|son|ce|cette){_B})?(?:{_SERVICE}|forum|jeu|site|chat|tchat|serveur|plateforme|appli)|de{_B}(?:joueur|connexion|jeu)|en{_B}(?:ligne|jeu))"
    # insta de mon fils :
    rf"|{_B}(?:de|du){_B}(?:\w{{2,5}}{_B})?\w{{2,12}}(?={_B}?:))?)"
    rf"({_B}{{0,2}}(?::|=|est{_B}:?|c['’]?est{_B}:?|c{_B}|devient{_B}|était{_B}|etait{_B}|de{_B}|\({_B}?){_B}{{0,2}}|{_B})"
    rf"({_QUOTED})?({_HANDLE})",
    re.IGNORECASE,
)
_OWNER = (
    r"(?:utilisateur|utilisatrice|user|internaute|joueu(?:r|se)|streameu(?:r|se)|streamer|youtubeu(?:r|se)"
    r"|tiktokeu(?:r|se)|influenceu(?:r|se)|membre|gamer)"
)
_ACCOUNT_HANDLE = re.compile(
    rf"((?:{_OWNER}|comptes?|profil|vendeu(?:r|se)|acheteu(?:r|se)|cha[îi]ne|page|nomm[ée]e?|appel[ée]e?|appelle|appeler"
    rf"|nom|contact|membre|id|{_SERVICE})(?!\w)"
    rf"(?:{_B}(?:{_SERVICE}|nomm[ée]e?|appel[ée]e?|de|du|au{_B}nom{_B}de|sous{_B}le{_B}nom{_B}de|est|s['’]appelle))"
    rf"{{0,3}}{_B}?(:|\()?{_B}?({_QUOTED})?)({_HANDLE})",
    re.IGNORECASE,
)
#: A pseudonym of several words, which its quotes delimit.
_QUOTED_NAME = re.compile(
    rf"(?:({_PSEUDONYM}|appel(?:er|le|lent)|connue?{_B}sous{_B}le{_B}nom)|comptes?|profil|{_OWNER}|nom)"
    rf"(?:{_B}(?:de|du|est|{_SERVICE})){{0,2}}{_B}?:?{_B}?[\"«“]{_B}?([^\"»”\n\[\]]{{2,40}}?){_B}?[\"»”]",
    re.IGNORECASE,
)
_MOST_QUOTED_WORDS = 4
#: pseudo : le roi du 93
_LABELLED_NAME = re.compile(
    rf"{_PSEUDONYM}{_B}?[:=]{_B}?(\w[^\n,.;:!?()\[\]\"«]{{1,24}})(?=[,.;!?\n)]|\Z)", re.IGNORECASE
)
#: mon skype marcotrading
_OWNER_BEFORE = re.compile(rf"(?<!\w)(?:mon|son|ton|leur){_B}\Z", re.IGNORECASE)
_OWNER_CONTEXT = 8
_FURTHER_NAME = re.compile(rf"(?:{_B}[A-ZÀ-Ý][\w\-]{{1,20}}){{1,2}}")
#: Parts of an address that lead to no person, or that lead on to one.
_NO_PROFILE = (
    r"(?!(?:in|pub|add|s|users?|member|u|c|p|i|r|pages?|people|profile|groups?|company|school|watch|events?|explore|reels?"
    r"|shorts|live|playlist|results|stories|hashtag|search|share|sharer|intent|tag|channels?|joinchat|posts?|feed|jobs"
    r"|status|home|login|about)(?![\w.\-@%]))"
)
_PROFILE = re.compile(
    r"(?<![\w\-])(?:facebook|fb|instagram|twitter|tiktok|snapchat|linkedin|t|telegram|x|twitch|vinted|leboncoin|discord"
    r"|youtube|reddit|threads|vk|bsky)\.(?:com|me|tv|fr|gg|net|app)/"
    rf"(?:people/([^\s/?#]{{2,60}}(?:/\d{{5,20}})?)|(?:(?:in|pub|add|s|users?|member|u|c|profile|stories)/)?@?{_NO_PROFILE}"
    r"([\w.\-@%?=]{2,60}))",
    re.IGNORECASE,
)
#: u/somebody of Reddit, live:somebody of Skype.
_PREFIXED = re.compile(r"(?<![\w/.])/?u/[\w\-]{3,24}(?![\w/])|(?<!\w)live:[.\w\-]{3,40}\w", re.IGNORECASE)
#: An account at caf.fr is no pseudonym.
_SITE = re.compile(r"\.(?:fr|com|org|net|eu)\Z", re.IGNORECASE)
_PROFILE_ENDINGS = (".com/", ".me/", ".tv/", ".fr/", ".gg/", ".net/", ".app/")
_TAG = re.compile(r"(?<![\w#])[^\W\d_][\w.]{1,31}#\d{4}(?!\d)")
_PSEUDONYM_WORDS = ("pseudo", "nick", "gamertag", "alias", "user", "login", "surnom", "blaze", "sobriquet")
_ODD = re.compile(r"(?=.*[^\W\d_])(?:.*\d|.*_|.*[a-zà-ÿ][A-Z]|.*\w[.]\w)", re.DOTALL)
#: Our own pseudonyms.
_OPAQUE = re.compile(r"\Ap_[0-9a-f]{32}\Z")
_NUMBER_AND_UNIT = re.compile(
    r"\d+(?:er|e|ème|eme|nd|h\d*|euros?|eur|km|kg|ans|fois|%|mn|min|g|go|mo)?|covid-?\d+|\d{1,2}h\d{2}|17cyber",
    re.IGNORECASE,
)
#: Digits that follow letters, as at the end of many pseudonyms.
_TELLING = re.compile(r"\d\d(?<=[^\W\d_]\d\d)")
_TOKEN = re.compile(
    r"(?<![\w@#/.:&=?%’'\-+])[^\W\d][\w.\-]{2,38}[^\W_]_{0,3}(?![\w/@:=%#]|[.\-]\w)|(?<!\w)_{1,2}\w{3,38}(?!\w)"
)
_LETTERS_AND_DIGITS = re.compile(r"([^\W\d_]{4,})\d{2,5}")
_CAMEL_AND_DIGITS = re.compile(r"(?:[A-ZÀ-Ý][a-zà-ÿ]+){2,}[A-Z]?\d{2,5}")
_DECORATED = re.compile(r"xX\w+Xx")
#: dark.killer77
_DOTTED_AND_DIGITS = re.compile(r"[^\W\d_]{3,}\.[^\W\d_]{3,}\d{2,4}")
_ODD_SPELLINGS = (_CAMEL_AND_DIGITS, _DECORATED, _DOTTED_AND_DIGITS)
#: patriote59, where depuis2023 lacks a blank.
_SHORT_NUMBER, _LONG_WORD = 2, 6
_LETTERS = re.compile(r"[^\W\d_]+")
_FILE_END = re.compile(
    r"\.(?:pdf|jpe?g|png|docx?|xlsx?|csv|txt|zip|mp[34]|exe|apk|html?|php|xml|json)\Z", re.IGNORECASE
)
_NOT_A_PSEUDONYM = (_OFFICIAL_HANDLE, _SITE, _FILE_END, _OPAQUE)
#: What bears a number without being anybody: products, versions, references.
_NUMBERED = word_set(
    "iphone ipad galaxy pixel redmi windows android covid firefox chrome macos office playstation article articles"
    " dossier reference annexe page version numero lot bureau porte ligne brigade compagnie groupement centre agence"
    " janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre perf formulaire cerfa cyber"
    " rentree promo saison episode chapitre loto euro euros route code ticket commande colis facture contrat wifi"
    " depuis environ pendant moins jusque entre avant apres dizaine numeros dossiers paragraphe"
    " ipv bluetooth usbc radio canal france paris departement dept zone"
)
#: Words of the names that programs give.
_TECHNICAL = word_set(
    "id ids user reply noreply no url key keys php css js sql api http https img src file files upload form forms input"
    " submit order by product products control fault faults type count date name field fields page size limit offset"
    " start end value values json data token access client service services status error code text title body message"
)
_COMMON = int(Kind.COMMON)
_INSTITUTION = int(Kind.INSTITUTION)
_COMMUNE = int(Kind.COMMUNE)
_NAME = int(Kind.FIRST_NAME | Kind.SURNAME)
_ANNOUNCER = int(Kind.HANDLE)


def mask_pseudonyms(reading: Reading) -> str:
    """Replace handles, profile addresses and declared pseudonyms; accounts of institutions stay."""
    text = reading.text
    spans: list[Span] = []
    if reading.present & _ANNOUNCER:
        readers = [read for read, needs in _READERS if not needs or any(sign in text for sign in needs)]
        for start, kinds in zip(reading.starts, reading.kinds, strict=True):
            if kinds & _ANNOUNCER:
                spans += [span for read in readers if (span := read(text, start))]
    if "@" in text:
        spans += [found.span() for found in _AT_HANDLE.finditer(text) if not _OFFICIAL_HANDLE.search(found[1])]
    if "#" in text:
        spans += [found.span() for found in _TAG.finditer(text)]
    if any(ending in text for ending in _PROFILE_ENDINGS):
        spans += _accounts(text)
    if "u/" in text or "live:" in text:
        spans += [found.span() for found in _PREFIXED.finditer(text)]
    if "_" in text or "xX" in text or _TELLING.search(text):
        spans += [found.span() for found in _TOKEN.finditer(text) if _is_spelt_as_pseudonym(found[0])]
    return replace_spans(text, spans, "[PSEUDO]")


def _accounts(text: str) -> Iterator[Span]:
    """Yield the accounts in the addresses of networks; those of institutions stay."""
    for found in _PROFILE.finditer(text):
        account = 1 if found[1] else 2
        if not _OFFICIAL_HANDLE.search(found[account]):
            yield found.span(account)


def _is_spelt_as_pseudonym(token: str) -> bool:
    """Return whether a word can only be a pseudonym, whatever stands around it: `dark_wolf92`, `BelleDuJour77`."""
    if not ("_" in token or "xX" in token or _TELLING.search(token)):
        return False
    if token.isupper() or any(pattern.search(token) for pattern in _NOT_A_PSEUDONYM):
        return False
    words = [look_up(word) for word in _LETTERS.findall(token)]
    is_numbered = "_" in token and words and words[0][0] in _NUMBERED  # article_21
    if is_numbered or any(kinds & _INSTITUTION and len(key) > 1 for key, kinds in words):
        return False
    if "_" in token:
        has_digit = any(character.isdecimal() for character in token)
        return has_digit or not all(kinds & _COMMON or len(key) == 1 or key in _TECHNICAL for key, kinds in words)
    if any(spelling.fullmatch(token) for spelling in _ODD_SPELLINGS):
        return True
    found = _LETTERS_AND_DIGITS.fullmatch(token)
    return bool(found) and _is_numbered_word(token, found[1])


def _is_numbered_word(token: str, letters: str) -> bool:
    """Return whether letters followed by a number are a pseudonym, not a product, reference or missing blank."""
    key, kinds = look_up(letters)
    is_word = kinds & (_COMMON | _COMMUNE) and not kinds & _NAME
    bears_a_departement = len(token) - len(key) == _SHORT_NUMBER and len(key) >= _LONG_WORD
    return key not in _NUMBERED and (not is_word or bears_a_departement)


def _is_odd(handle: str) -> bool:
    """Return whether a word is spelt as only pseudonyms are: digits, underscores or capitals inside."""
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
    if (kinds & _INSTITUTION and not quote) or _A_SERVICE.fullmatch(handle):
        return None
    is_linked = bool(link.strip() or quote) and link.strip().lower() not in {"de", "c", "("}
    is_word = bool(kinds & _COMMON) and not quote
    is_owned = bool(_OWNER_BEFORE.search(text, max(0, start - _OWNER_CONTEXT), start)) and not kinds & _COMMON
    is_pseudonym = announced.lower().startswith(_PSEUDONYM_WORDS)
    is_announced = is_pseudonym and (
        ":" in link or "=" in link or (handle[0].isupper() and not announced.isupper()) or not kinds & _COMMON
    )
    if not (_is_odd(handle) or (is_linked and not is_word) or is_announced or is_owned):
        return None
    further = _FURTHER_NAME.match(text, found.end()) if is_linked and handle[0].isupper() else None
    return found.start(4), further.end() if further and not handle.isupper() else found.end(4)


def _account_handle(text: str, start: int) -> Span | None:
    """Return the pseudonym of an account, recognised by odd spelling, quotes or an unknown capital."""
    found = _ACCOUNT_HANDLE.match(text, start)
    if not found or text[start - 1 : start] == "[":
        return None
    handle = found[4]
    kinds = look_up(handle)[1]
    if kinds & _INSTITUTION or _A_SERVICE.fullmatch(handle):
        return None
    is_known = bool(kinds & (_COMMON | _COMMUNE))
    is_quoted = bool(found[3]) and not kinds & _COMMON
    is_spelt = found[2] == ":" or (handle[0].isupper() and not kinds & _NAME)
    is_announced = not is_known and is_spelt and bool(_OWNS_ACCOUNT.match(found[1]))
    if not (_is_odd(handle) or is_quoted or is_announced):
        return None
    further = _FURTHER_NAME.match(text, found.end()) if is_announced else None
    return found.start(4), further.end() if further else found.end(4)


_OWNS_ACCOUNT = re.compile(rf"{_OWNER}|profil|vendeu|acheteu|cha[îi]ne", re.IGNORECASE)


def _quoted_name(text: str, start: int) -> Span | None:
    """Return the quoted words that an account or somebody is called by."""
    found = _QUOTED_NAME.match(text, start)
    if not found or text[start - 1 : start] == "[":
        return None
    words = found[2].split()
    kinds = [look_up(word)[1] for word in words]
    has_institution = any(kind & _INSTITUTION and not kind & _COMMON for kind in kinds)
    if len(words) > _MOST_QUOTED_WORDS or has_institution:
        return None
    is_word = all(kind & _COMMON and not kind & _NAME for kind in kinds)
    return None if _OFFICIAL_HANDLE.search(found[2]) or (is_word and not found[1]) else found.span(2)


def _labelled_name(text: str, start: int) -> Span | None:
    """Return the words after `pseudo :` when nothing else follows them."""
    found = _LABELLED_NAME.match(text, start)
    if not found or text[start - 1 : start] == "[":
        return None
    words = found[1].split()
    return None if len(words) > _MOST_QUOTED_WORDS or _is_odd(words[0]) else found.span(1)


#: Each with the signs of which it needs one.
_READERS = ((_labelled_name, ":="), (_quoted_name, '"«“'), (_declared_handle, ""), (_account_handle, ""))
