"""Finds postal addresses in running text: a number, a street and what follows."""

import re
from collections.abc import Iterator

from privacy.birth_dates import MONTH
from privacy.reading import BLANK as _B
from privacy.reading import Reading, Span, replace_spans
from privacy.vocabulary import Kind, communes, fold, look_up, word_set

_LETTER = r"[^\W\d_]"
_WAY = (
    r"(?:(?:grande?|petite|vieille|ancienne|haute|basse){b}rue|grand['’\-]rue|rues?|r\.?|avenues?|av\.?|ave\.?|boulevards?|bd\.?|blvd\.?|bld\.?|bvd\.?|boul\.?|impasse|imp\.?|all[ée]es?|all\.|chemins?|chem\.?|ch\.|che\.|routes?|rte\.?|place|pl\.?"
    r"|quais?|cours|squares?|sq\.?|passage|pass\.|sentier|sente|ruelle|villa|cit[ée]|r[ée]sidences?|r[ée]s\.?|lotissement|lot\.|hameau"
    r"|lieu[- ]?dit|faubourg|fbg\.?|fg\.?|esplanade|promenade|rond[- ]point|voie|traverse"
    r"|mont[ée]e|c[ôo]te|clos|parvis|venelle"
    r"|mail|chauss[ée]e|domaine|cour|rampe|lev[ée]e|zone{b}artisanale|zone{b}industrielle|z\.?a\.?c?\.?|z\.?i\.?|mas|drève|ronde)"
).replace("{b}", _B)
_NUMBER = rf"(?:\d{{1,4}}(?:{_B}?(?:bis|ter|quater|[a-d](?![\w'’]))|(?:{_B}?[-/à]{_B}?\d{{1,4}}))?)"
_WAY_WORD = re.compile(rf"{_WAY}(?![^\W_])(?=[\s.,'’])", re.IGNORECASE)
_NUMBER_BEFORE = re.compile(
    rf"(?<![\w:/.,\-€])(?:(?:n°|num[ée]ro|n[o°]){_B}?)?({_NUMBER}){_B}?,?{_B}{{0,2}}(?:(?:de{_B})?la{_B}|du{_B})?\Z",
    re.IGNORECASE,
)
_NUMBER_CONTEXT = 32
#: Ways that need no further name: 12 Grande Rue.
_WHOLE_WAY = re.compile(r"(?:grande?|petite|vieille|ancienne|haute|basse)[ \u00a0'’\-]rue", re.IGNORECASE)
_YEAR_BEFORE = re.compile(r"(?:\b(?:en|depuis|année|fin|début|" + MONTH + r")\s)\Z", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_DWELLING_BEFORE = re.compile(
    rf"(?<![\w\[])(?:j?['’]?habit(?:e|es|ons|ez|ent|ait|ant|ais)|jabite|cr[èe]che|h[ée]berg[ée]e?s?|sise?|demeur(?:e|ant|ait)|domicili[ée]e?s?|r[ée]sid(?:e|ant|ait)|log(?:e|ée?|eant)"
    rf"|adresse(?:{_B}postale)?|domicile|vis|vit)"
    rf"{_B}?(?:(?::|est{_B}(?:le{_B})?(?:au{_B})?|au|à|a|dans|sur){_B}?)?(?:(?:la|le|l['’]){_B}?)?\Z",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"{_B}{{0,2}}((?:[dlDL]['’])?{_LETTER}+(?:[-'’.]{_LETTER}+)*\.?|\d{{1,2}}(?:er)?{_B}{MONTH}(?:{_B}\d{{4}})?)",
    re.IGNORECASE,
)
_POSTAL = re.compile(
    rf"{_B}?[,\-–(]?{_B}?(?:(?:à|a){_B})?(?:F-?)?(\d{{5}}|\d{{2}}{_B}\d{{3}})(?!\d){_B}?,?{_B}?", re.IGNORECASE
)
_UNIT = re.compile(
    rf"{_B}?,?{_B}?(?:\(?(?:appartements?|appart\.?|appt?\.?|b[âa]timents?|b[âa]t\.?|escaliers?|esc\.?|[ée]tage|porte|logement|bo[îi]te|entr[ée]e|hall|tour|lot|villa|chambre|bp|cs){_B}?(?:n°{_B}?)?"
    rf"(?:\d{{1,5}}{_B}?[a-z]?|[a-z]\d{{0,3}})(?![^\W_])\)?|\d{{1,2}}(?:e|er|ème|eme){_B}[ée]tage)",
    re.IGNORECASE,
)
_UNIT_BEFORE = re.compile(
    rf"(?:(?:appartements?|appart\.?|appt?\.?|b[âa]timents?|b[âa]t\.?|escalier|porte|chambre){_B}?(?:n°{_B}?)?(?:\d{{1,4}}|[a-z]\d{{0,3}}){_B}?,?{_B}){{1,3}}\Z",
    re.IGNORECASE,
)
_TOWN = re.compile(rf"{_LETTER}+(?:[-'’]{_LETTER}+)*", re.IGNORECASE)
_CEDEX = re.compile(rf"{_B}cedex(?:{_B}\d{{1,2}})?", re.IGNORECASE)
_COMMA_TOWN = re.compile(rf",{_B}?(?:à{_B})?")
_NUMBER_AFTER = re.compile(
    rf"{_B}?,?{_B}?(?:au{_B})?(?:n°|num[ée]ro|n[o°]){_B}?\d{{1,4}}(?:{_B}?(?:bis|ter))?(?!\d)", re.IGNORECASE
)
_ANOTHER_WAY = re.compile(rf"{_B}?,?{_B}?{_NUMBER}{_B}?,?{_B}{_WAY}(?![^\W_])", re.IGNORECASE)
#: A number and a name before a postal code and its town: 4 Le Bourg, 24310 Brantôme.
_HOUSE = re.compile(
    rf"(?<![\w:/.,\-€]){_NUMBER},?{_B}(?:(?:l[ea]s?|l['’]){_B}?)?(?!{MONTH}\b)[A-ZÀ-Ý][\w'’\-]{{1,30}}"
    rf"(?:{_B}[A-ZÀ-Ý][\w'’\-]{{1,30}}){{0,3}},?{_B}(?:F-)?\d{{5}}(?!\d),?{_B}(?=[A-ZÀ-Ý])"
)
_POSTAL_CODE = re.compile(r"\d{5}(?=,? [A-ZÀ-Ý])")

_LINKS = word_set("de du des la le les d l a aux au en sur sous et")
_TITLES_IN_WAYS = word_set(
    "general marechal docteur saint sainte st ste president colonel commandant abbe capitaine professeur petit"
    " petite grand grande vieux vieille haut haute bas basse faubourg moulin pont chateau clos champ champs bois"
    " pre val deux trois quatre cinq sept gal dr mal pdt lieutenant amiral pere frere freres soeur notre dame"
    " belle bel beau reine roi route ancienne ancien nouvelle rue"
)
#: Ways that are common words too: three places of parking.
_AMBIGUOUS_WAYS = word_set(
    "place pl cours passage voie cote mail cour villa cite cites domaine clos montee residence residences route"
    " routes chemins lot mas ronde res imp r ch che all sq promenade hameau levee za zi rampe traverse allees"
)
_USUAL_WAY_NAMES = word_set(
    "mairie republique gare eglise liberte marche poste fontaine victoire halles ecole ecoles paix lavoir chateau"
    " moulin plage port forge tilleuls acacias lilas peupliers platanes chenes cerisiers roses mimosas oliviers"
    " pins marronniers fleurs jardins stade cimetiere village resistance nation bastille concorde bourse foch"
    " jaures gambetta carnot pasteur lamartine soldats douaniers vignes puits nationale departementale combe combes"
    " clocher bourg four lilas pres sources source marais mairie poste vergers verger glycines hirondelles mouettes"
)
#: Words that go on with the sentence, not with the name of the way.
_STOP_WORDS = word_set(
    "et mais ou car donc qui que je il elle on nous vous ils j a est sont ai suis depuis pour avec chez ce cette"
    " cet plus loin differents differentes mon ma mes svp merci bonjour pas ne n tel telephone mail dans par c s"
)
#: Titles that open the name of a way even in lower case: 3 place st michel.
_PERSONS_IN_WAYS = word_set("general gal marechal mal saint sainte st ste docteur dr president abbe colonel capitaine")
_MOST_WORDS = 9
_MOST_TOWN_WORDS = 6
_MOST_PARTS = 4
_LONGEST_ABBREVIATION = 3
_YEAR_CONTEXT, _FLAT_CONTEXT = 12, 60
_COMMON = int(Kind.COMMON)
_FIRST = int(Kind.FIRST_NAME)
_ADDRESS = int(Kind.ADDRESS)


def mask_addresses(reading: Reading) -> str:
    """Replace each postal address: a number and a way, or a way after words of dwelling or before a postal code."""
    text = reading.text
    spans = _houses(text) if _POSTAL_CODE.search(text) else []
    if not reading.present & _ADDRESS:
        return replace_spans(text, spans, "[ADRESSE]")
    for index, kinds in enumerate(reading.kinds):
        if kinds & _ADDRESS and not any(start <= reading.starts[index] < end for start, end in spans):
            span = _address_at(text, reading.starts[index])
            if span:
                spans.append(span)
    return replace_spans(text, spans, "[ADRESSE]")


def _houses(text: str) -> list[Span]:
    """Return the addresses that have a number and a postal code, but no way."""
    found = [house for house in _HOUSE.finditer(text) if not _WAY_WORD.search(house[0])]
    return [(house.start(), _end_of_town(text, house.end()) or house.end() - 1) for house in found]


def _address_at(text: str, at: int) -> Span | None:
    """Return the address whose way (`rue`, `bd`) stands at a position."""
    way = _WAY_WORD.match(text, at)
    if not way:
        return None
    end = _end_of_way(text, way[0], way.end()) or (way.end() if _WHOLE_WAY.fullmatch(way[0]) else 0)
    if not end:
        return None
    number = _NUMBER_BEFORE.search(text, max(0, at - _NUMBER_CONTEXT), at)
    if number and not _is_year(text, number):
        flat = _UNIT_BEFORE.search(text, max(0, number.start() - _FLAT_CONTEXT), number.start())
        return (flat or number).start(), _end_of_address(text, end)
    numbered = _NUMBER_AFTER.match(text, end)
    is_home = (
        numbered
        or _POSTAL.match(text, end)
        or _UNIT.match(text, end)
        or _ANOTHER_WAY.match(text, end)
        or _DWELLING_BEFORE.search(text, max(0, at - _NUMBER_CONTEXT), at)
    )
    return (at, _end_of_address(text, numbered.end() if numbered else end)) if is_home else None


def _is_year(text: str, number: re.Match[str]) -> bool:
    """Return whether the number before a way is a year: `en 2024 rue Pasteur`."""
    context = max(0, number.start() - _YEAR_CONTEXT)
    return bool(_YEAR.fullmatch(number[1]) and _YEAR_BEFORE.search(text, context, number.start()))


def _way_words(text: str, position: int) -> Iterator[re.Match[str]]:
    """Yield the words that follow a way, as many as its name may have."""
    for _ in range(_MOST_WORDS):
        found = _WORD.match(text, position)
        if not found:
            return
        yield found
        position = found.end(1)


def _end_of_way(text: str, way: str, position: int) -> int:
    """Return where the name of a way ends, or 0 when what follows is no name.

    Links (de, la, d') lead to one more word; words with a capital follow each other; a word in lower case ends the
    name, unless it is a title or a first name (rue du general de gaulle, rue victor hugo).
    """
    end = 0
    leads_on = True
    is_first_name = False
    for found in _way_words(text, position):
        token = found[1].rstrip(".") or found[1]
        key = fold(token)
        if key in _LINKS:
            if not leads_on and not _leads_to_capital(text, found.end()):
                break
            leads_on = True
            continue
        if _ends_the_name(token, key, is_first=not end, leads_on=leads_on):
            break
        if not end and not _may_name_a_way(way, token, key):
            return 0
        end = found.end(1)
        if found[1].endswith(".") and len(found[1]) > _LONGEST_ABBREVIATION:
            return end - 1
        follows_first_name, is_first_name = is_first_name, bool(look_up(token)[1] & _FIRST)
        leads_on = key in _TITLES_IN_WAYS or len(token) == 1
        leads_on = leads_on or (is_first_name and not follows_first_name and not _has_capital(token))
    return end


def _ends_the_name(token: str, key: str, *, is_first: bool, leads_on: bool) -> bool:
    """Return whether a word goes on with the sentence, not with the name of the way."""
    if key in _STOP_WORDS:
        return not is_first or not token[0].isupper()
    return not is_first and not leads_on and not _has_capital(token)


def _may_name_a_way(way: str, token: str, key: str) -> bool:
    """Return whether a word can open the name: after a way that is a common word, a capital or a usual name."""
    if _has_capital(token) or fold(way).strip(".") not in _AMBIGUOUS_WAYS:
        return True
    if look_up(token)[1] & _FIRST or key in _PERSONS_IN_WAYS:
        return True
    return key.removeprefix("d'").removeprefix("l'") in _USUAL_WAY_NAMES


def _has_capital(token: str) -> bool:
    """Return whether a word begins with a capital, after `d'` and `l'` too."""
    return token[0].isupper() or (token[1:2] in {"'", "’"} and token[2:3].isupper())


def _leads_to_capital(text: str, position: int) -> bool:
    """Return whether a link inside a name of a way leads to a capital that is no town: `rue Joseph de Maistre`."""
    for found in _way_words(text, position):
        token = found[1].rstrip(".")
        if fold(token) not in _LINKS:
            return token[0].isupper() and not token.isupper() and fold(token).replace("-", " ") not in communes()
    return False


def _end_of_address(text: str, end: int) -> int:
    """Return where an address ends after its way: flat, postal code and town, in any order."""
    for _ in range(_MOST_PARTS):
        postal = _POSTAL.match(text, end)
        if postal:
            end = _end_of_town(text, postal.end()) or postal.end(1)
            cedex = _CEDEX.match(text, end)
            return cedex.end() if cedex else end
        further = _end_of_part(text, end)
        if not further:
            break
        end = further
    return end


def _end_of_part(text: str, position: int) -> int:
    """Return where the flat, the further way or the town that follows ends, or 0 when none does."""
    unit = _UNIT.match(text, position)
    if unit:
        return unit.end()
    comma = _COMMA_TOWN.match(text, position)
    if not comma:
        return 0
    way = _WAY_WORD.match(text, comma.end())
    end = _end_of_way(text, way[0], way.end()) if way else 0
    if not end and text[comma.end() : comma.end() + 1].isupper():
        end = _end_of_town(text, comma.end())
    return end


def _end_of_town(text: str, position: int) -> int:
    """Return where the commune that is written here ends, or 0 when none is."""
    words: list[str] = []
    ends: list[int] = []
    at = position
    while len(words) < _MOST_TOWN_WORDS and (found := _TOWN.match(text, at)):
        words.append(fold(found[0]).replace("-", " ").replace("'", " "))
        ends.append(found.end())
        if text[found.end() : found.end() + 1] not in {" ", "\u00a0", "\u202f"}:
            break
        at = found.end() + 1
    for count in range(len(words), 0, -1):
        name = re.sub(r"\bst\b", "saint", re.sub(r"\bste\b", "sainte", " ".join(words[:count])))
        if name in communes():
            return ends[count - 1]
    return ends[0] if words and text[position].isupper() and not look_up(text[position : ends[0]])[1] & _COMMON else 0
