"""Finds names of persons in running text, by the words around them and by gazetteers."""

import re

from privacy.reading import Reading, Span, replace_spans
from privacy.vocabulary import (
    ADDRESSED,
    CAPITAL_TELLS,
    INTRODUCED_ONLY,
    NOT_A_WAY_AFTER,
    NOT_NAMES,
    PHRASE_WAYS,
    Kind,
    communes,
    famous_names,
    territories,
    word_set,
)

_AFTER_TITLE = re.compile(r"\.?[ \t\u00a0\u202f]{0,3}")
_AFTER_LABEL = re.compile(r"[ \t\u00a0\u202f]*(?:[:=]|[ \t]-)[ \t\u00a0\u202f]*")
_AFTER_CLOSING = re.compile(r"[ \t\u00a0\u202f]*[,.!;:\-–]*\s*")
#: Particles that lead to a name in lower case no more than any word does.
_LOWER_LINKS = frozenset({"de", "du", "des", "d", "e", "y", "a", "la", "les", "l"})
_NEVER_LEAD = frozenset({"des", "les", "du", "a", "e", "y"})
_TEXT_END = re.compile(r"[\s.!]*(?:\n|\Z)")

#: A lower-case word with such an end is a misspelt adjective, adverb or verb, not a name.
_NO_NAME_ENDS = (
    "ment", "able", "ible", "ante", "ant", "ent", "ente", "euse", "eux", "ique", "tion", "tif", "tive", "ée", "ées",
    "er", "ez", "ait", "aient", "iez", "ions", "ité", "isme", "iste", "eur", "rice", "age", "esse", "ance", "ence",
    "és",
)  # fmt: skip
#: After a kinship or an office, an unknown capital with such an end is a nationality: ma mère Péruvienne.
_GENTILE_ENDS = ("ien", "ienne", "ais", "aise", "ois", "oise", "aine")
_SHORTEST_NAME = 3
#: A longer title is written out, so that a point after it ends the sentence.
_LONGEST_SHORT_TITLE = 4
_APOSTROPHES = frozenset({"'", "’"})
_LONGEST_INITIAL = 2
_AFTER_INITIAL = frozenset({".", ". ", ".\u00a0", ".-"})
#: A first name shorter than this is not believed in lower case.
_SHORTEST_LOWER = 4
_LONGEST_NAME = 6
#: Words of the longest name of a country, less its articles.
_LONGEST_TERRITORY = 6
#: The name of a commune is not longer.
_LONGEST_PLACE = 45

_FIRST = int(Kind.FIRST_NAME | Kind.FOREIGN_FIRST_NAME)
_USUAL_FIRST = int(Kind.FIRST_NAME)
_SURNAME = int(Kind.SURNAME)
_FREQUENT = int(Kind.FREQUENT_SURNAME)
_NAME = _FIRST | _SURNAME
_COMMON = int(Kind.COMMON)
_INSTITUTION = int(Kind.INSTITUTION)
_COMMUNE = int(Kind.COMMUNE)
_TOWN = int(Kind.TOWN)
_WAY = int(Kind.WAY)
_SAINT = int(Kind.SAINT)
_PARTICLE = int(Kind.PARTICLE)
_FOREIGN_PARTICLE = int(Kind.FOREIGN_PARTICLE)
_ANY_PARTICLE = _PARTICLE | _FOREIGN_PARTICLE
_CIVILITY = int(Kind.CIVILITY)
_RANK = int(Kind.RANK)
_OFFICE = int(Kind.OFFICE)
_RELATION = int(Kind.RELATION)
_CALLING = int(Kind.CALLING)
_LABEL = int(Kind.LABEL)
_CLOSING = int(Kind.CLOSING)
_QUALIFIER = int(Kind.QUALIFIER)
_CAPITALISED = int(Kind.CAPITALISED)
_UPPER = int(Kind.UPPER)
_ELIDED = int(Kind.ELIDED)
_NO_FIRST = _COMMON | _INSTITUTION | _COMMUNE | _UPPER | _ELIDED
_INTRODUCERS = _CIVILITY | _RANK | _OFFICE | _RELATION | _CALLING | _LABEL | _CLOSING
_INITIAL = int(Kind.INITIAL)
_CONTEXT = int(Kind.CONTEXT)
_TRIGGERS = _INTRODUCERS | _FIRST | _FREQUENT | _UPPER | _FOREIGN_PARTICLE | _INITIAL | _CONTEXT
_SURNAME_ONLY = _CAPITALISED | _SURNAME
_NOBODY = _COMMON | _INSTITUTION | _COMMUNE

#: Ranks after which an unknown word in lower case is a name; the other ranks are common words.
_STRICT_RANKS = frozenset(
    {
        "adjudant", "adjudante", "adjudant-chef", "adjudante-chef", "capitaine", "lieutenant", "mdl", "mdc", "gnd",
        "adj", "adc", "cne", "ltn", "sgt", "opj", "apj", "lieutenante",
    }
)  # fmt: skip
#: Surnames that are words too, but words that do not go on after a rank or a civility: le brigadier chevalier.
_TRADES = word_set(
    "archer barbier baron beguin berger blanc blanche bonhomme bonnet boucher bouillon boulanger bourdon bourgeois"
    " bourguignon brasseur breton brun buisson carre carton chapelle charpentier charrier cheval chevalier chretien"
    " clement clerc colin collet collier comte corbeau cornet cousin couturier couvreur duc fleur fontaine gaillard"
    " germain grenier heron jardin lange langer leger loup maillet maillot marchand marie marin martel merle meunier"
    " millet mortier motte moulin mouton noel olivier page paquet paradis pascal perron petit pierre pinson poirier"
    " poisson potier poulain prince racine renard richard riviere roche rocher romain rossignol roux sauvage tailleur"
    " tardif toussaint vallee vigne vigneron voisin leclerc boulanger renault picard mercier carpentier"
)
_INDEFINITES = frozenset({"un", "une", "des", "ce", "cette", "quel", "aucun", "chaque", "deux", "trois"})
#: What a person does in the next words: Rose m'a aidée.
_DOES = frozenset({"m", "a", "ma", "nous", "avait", "travaille", "habite", "veut", "et", "du"})
_AND = frozenset({"et", "&"})
#: After a name, these lead to another of the same person: née, épouse.
_ALSO_CALLED = frozenset({"nee", "epouse", "ep", "veuve", "vve", "ne"})
#: Reçu par, suivi par: whoever serves is a person.
_SERVED = word_set(
    "recu recue recus suivi suivie traite traitee accueilli accueillie auditionne auditionnee signe redige"
)
#: What may belong to a rank before the name.
_RANK_TAILS = (
    ("d", "escadron"), ("de", "reserve"), ("de", "la", "paix"), ("de", "gendarmerie"), ("de", "brigade"),
    ("de", "compagnie"), ("de", "police"), ("de", "peloton"), ("de", "groupement"),
)  # fmt: skip
#: First names that another doubles without a hyphen, in lower case too.
_DOUBLED = frozenset({"jean", "marie", "anne", "pierre"})
_PARTIES = word_set("beneficiaire titulaire victime plaignant plaignante temoin expediteur destinataire auteur suspect")
_COMPLAINTS = frozenset(
    {"plainte", "plaintes", "courante", "menaces", "recours", "accusation", "accusations", "affaire"}
)

_OBJECT_PRONOUNS = frozenset({"me", "ME"})
_POSSESSIVES = frozenset({"mon", "ma", "mes", "notre", "son", "sa", "ton", "ta", "votre", "leur"})
_ARTICLES = frozenset({"le", "la", "les", "un", "une", "cette", "ce", "aux", "au", "des"})
_PLACE_PREPOSITIONS = frozenset(
    {"a", "de", "d", "en", "sur", "vers", "pres", "depuis", "pour", "gendarmerie", "brigade"}
)


def find_names(reading: Reading) -> list[Span]:
    """Return where names stand in a text, from left to right, without overlap.

    A name follows a civility, a rank, an office, a kinship or words such as "je m'appelle"; or it is a first name with
    a surname, in either order; or a first name or frequent surname whose spelling admits no other reading. Names of
    streets, communes, institutions and firms are left.
    """
    spans: list[Span] = []
    index = 0
    kinds = reading.kinds
    while index < reading.size:
        if kinds[index] & _TRIGGERS or kinds[index] == _CAPITALISED:
            span = _name_at(reading, index)
            if span and span[0] <= index and _is_in_a_territory(reading, *span):
                span = None
            if span and not (spans and reading.ends[span[1] - 1] <= spans[-1][1]):
                first, end = span
                start = reading.starts[first]
                if spans and start < spans[-1][1]:
                    start = spans.pop()[0]
                spans.append((start, reading.ends[end - 1]))
                index = max(end, index + 1)
                while (further := _joined_name(reading, index)) is not None:
                    spans.append((reading.starts[further[0]], reading.ends[further[1] - 1]))
                    index = further[1]
                continue
        index += 1
    return spans


def _is_in_a_territory(reading: Reading, first: int, end: int) -> bool:
    """Return whether words are the name of a country or territory, or a part of it: `French Polynesia`, `Sierra Leone`.

    So are those within the name of a commune of three words or more: `Forest sur Marque`.

    A single word that is a first name too is a person: `Dominique`, `Jordan`.
    """
    for start in range(max(0, first - _LONGEST_TERRITORY), first + 1):
        for stop in range(max(end, start + 1), min(reading.size, start + _LONGEST_TERRITORY) + 1):
            words = " ".join(reading.keys[start:stop]).replace("-", " ")
            if words.count(" ") > 1 and words in communes():
                return True
            if words in territories():
                return " " in words or not reading.kinds[first] & _USUAL_FIRST
    return False


def _joined_name(reading: Reading, index: int) -> Span | None:
    """Return the name that a comma or `et` adds to the one that ends before the index: `Paul, Inès et Mamadou`."""
    gap = reading.gap(index - 1)
    follows_and = (
        index < reading.size and reading.keys[index] in _AND and reading.joins(index) and gap in {" ", "\u00a0"}
    )
    at = index + 1 if follows_and else index
    if at >= reading.size or not (follows_and or gap in {", ", " / ", " & ", "/"}):
        return None
    kinds = reading.kinds[at]
    if kinds & _CAPITALISED and kinds & _ANY_PARTICLE and (span := _joined_particle(reading, at)):
        return span
    is_place = kinds & _COMMUNE and not kinds & _USUAL_FIRST
    is_listed = follows_and or (at + 1 < reading.size and reading.keys[at + 1] in _AND and reading.joins(at))
    is_word = kinds & _COMMON and not (is_listed and _is_surname_and_word(reading, at))
    may_be_name = kinds & _NAME or (is_listed and kinds & _CAPITALISED)
    if kinds & (_INSTITUTION | _WAY | _ELIDED) or is_word or is_place or not may_be_name:
        return None
    if not kinds & _CAPITALISED:
        is_name = kinds & _USUAL_FIRST or (follows_and and kinds & _SURNAME and not kinds & _COMMUNE)
        is_long = len(reading.keys[at]) >= _SHORTEST_LOWER
        return (at, _rest_of_name(reading, at)) if is_name and is_long else None
    if _is_part_of_a_place(reading, at) or not reading.has_capital(at):
        return None
    return at, _rest_of_name(reading, at) if kinds & _FIRST else at + 1


def _is_surname_and_word(reading: Reading, at: int) -> bool:
    """Return whether a word with a capital is a surname as well, where a list of names goes on: `Morel et Petit`."""
    kinds = reading.kinds[at]
    is_title = kinds & (_CIVILITY | _RANK | _OFFICE | _CLOSING)
    is_other = is_title or kinds & (_INSTITUTION | _WAY | _ELIDED | _COMMUNE) or reading.keys[at] in _OPENERS
    return bool(kinds & _SURNAME and kinds & _COMMON) and not is_other and reading.has_capital(at)


def _joined_particle(reading: Reading, at: int) -> Span | None:
    """Return the further name that begins with its particle: `Perrot et Da Costa`, `Paul et Le Goff`."""
    if reading.kinds[at] & _PARTICLE and at + 1 < reading.size and reading.joins(at):
        is_surname = reading.kinds[at + 1] & _SURNAME and reading.has_capital(at + 1)
        return (at, at + 2) if is_surname and not reading.kinds[at + 1] & _TOWN else None
    return _name_by_particle(reading, at)


def mask_names(reading: Reading) -> str:
    """Replace names of persons by their mark."""
    if not reading.present & _TRIGGERS:
        return reading.text
    return replace_spans(reading.text, find_names(reading), "[NOM]")


def _name_at(reading: Reading, index: int) -> Span | None:
    """Return the first word of a name and the one after its last, for a word that may announce or begin it."""
    kinds = reading.kinds[index]
    if kinds & _INTRODUCERS and (span := _introduced_name(reading, index)):
        return span
    if kinds & _CONTEXT and (span := _after_context(reading, index)):
        return span
    if kinds & _INITIAL and (span := _after_initial(reading, index)):
        return span
    for kind, reader in _BEGINNINGS:
        if kinds & kind:
            return reader(reading, index)
    return _unknown_pair(reading, index) if kinds == _CAPITALISED else None


def _unknown_pair(reading: Reading, index: int) -> Span | None:
    """Return two words with a capital in a row that no list knows: `Yevhen Shevchenko`."""
    following = index + 1
    if following >= reading.size or reading.gap(index) != " ":
        return None
    if reading.kinds[following] not in {_CAPITALISED, _SURNAME_ONLY}:
        return None
    are_long = min(len(reading.keys[index]), len(reading.keys[following])) > _SHORTEST_LOWER
    is_alone = following + 1 >= reading.size or not (
        reading.joins(following) and reading.kinds[following + 1] & _CAPITALISED
    )
    is_place = _bears_a_place(reading, index) or _is_part_of_a_place(reading, index)
    return (index, following + 1) if are_long and is_alone and not is_place else None


def _after_context(reading: Reading, index: int) -> Span | None:
    """Return the surname after `contre`, `avec`, `merci à`, `reçu par`: a known one with a capital, at least."""
    at = _led_to(reading, index)
    if at is None:
        return None
    kinds = reading.kinds[at]
    key = reading.keys[index]
    is_served = _is_served(reading, index)
    if not reading.has_capital(at):
        is_person = (is_served or key in _LINKED_CONTEXTS or key == "eu") and _is_surname_only(reading, at)
    elif is_served:
        is_acronym = kinds & _UPPER and not kinds & _NAME
        is_person = not is_acronym and not kinds & (_COMMON | _INSTITUTION | _TOWN | _WAY)
    else:
        is_met = kinds == _CAPITALISED and key in _MET and len(reading.keys[at]) > _SHORTEST_LOWER
        is_person = bool(kinds & _SURNAME or is_met) and not (
            kinds & (_NOBODY | _WAY | _INTRODUCERS)
            or _is_part_of_a_place(reading, at)
            or _is_public(reading, at, _rest_of_name(reading, at))
        )
    return (at, _rest_of_name(reading, at)) if is_person else None


def _led_to(reading: Reading, index: int) -> int | None:
    """Return the word that the context at the index leads to, after its `à` or `de`."""
    key = reading.keys[index]
    at = index + 1
    if key in _LINKED_CONTEXTS and at < reading.size:
        if not reading.joins(index) or reading.keys[at] != _LINKED_CONTEXTS[key]:
            return None
        at += 1
    if at >= reading.size or not reading.joins(at - 1):
        return None
    is_called = key != "eu" or (at + 2 < reading.size and reading.keys[at + 2] in _TELEPHONES)  # eu X au téléphone
    return at if is_called else None


def _is_served(reading: Reading, index: int) -> bool:
    """Return whether the word is the `par` of `reçu par`, `dossier suivi par`."""
    return index > 0 and reading.keys[index] == "par" and reading.keys[index - 1] in _SERVED


def _is_surname_only(reading: Reading, at: int) -> bool:
    """Return whether a word, in any case, is a known surname and nothing else: `durand`, not `petit` or `paris`."""
    kinds = reading.kinds[at]
    return bool(kinds & _SURNAME and not kinds & (_NOBODY | _WAY | _INTRODUCERS)) and (
        len(reading.keys[at]) >= _SHORTEST_LOWER
    )


#: Words that another links to a person: merci à, de la part de, à l'attention de.
_LINKED_CONTEXTS = dict.fromkeys(ADDRESSED, "a") | {"part": "de", "attention": "de"}
_TELEPHONES = frozenset({"telephone", "tel", "ligne"})
#: Whom one has met or thanks is a person, even of an unknown name.
_MET = frozenset({"merci", "bravo", "parle", "parler", "felicitations", "remerciements", "eu"})


def _after_initial(reading: Reading, index: int) -> Span | None:
    """Return an initial with its surname: `H. Bouvier`, `J. P. Morel`."""
    following = index + 1
    if following >= reading.size or reading.gap(index) not in _AFTER_INITIAL | {"."}:
        return None
    kinds = reading.kinds[following]
    if kinds & _INITIAL:
        span = _after_initial(reading, following)
        is_acronym = reading.gap(index) == "." and span and not reading.kinds[span[1] - 1] & _SURNAME  # R.Q.T.H
        return (index, span[1]) if span and not is_acronym else None
    is_surname = kinds & _SURNAME and not kinds & _UPPER
    if (kinds & _COMMON and not is_surname) or _is_hidden(reading.keys[following]):
        return None
    if not reading.has_capital(following) or kinds & (_INSTITUTION | _TOWN | _WAY | _CIVILITY | _ELIDED):
        return None
    return None if kinds & _COMMUNE and not kinds & _NAME else (index, _rest_of_name(reading, following))


_NAME_PARTICLES = word_set("van von vander ben bin ibn ait abd abou el ould dos da di")


def _name_by_particle(reading: Reading, index: int) -> Span | None:
    """Return a name that begins with its particle: `Van den Berghe Luc`, `Ben Youssef`."""
    if reading.keys[index] not in _NAME_PARTICLES or not reading.has_capital(index) or _bears_a_place(reading, index):
        return None
    last = index
    while last + 1 < reading.size and reading.joins(last) and reading.kinds[last] & _ANY_PARTICLE:
        last += 1
    kinds = reading.kinds[last]
    is_place = kinds & _COMMUNE and (kinds & _TOWN or not kinds & _SURNAME)
    if last == index or is_place or kinds & (_COMMON | _INSTITUTION | _ELIDED) or not reading.has_capital(last):
        return None
    return (index, _rest_of_name(reading, last)) if kinds & _NAME or last - index > 1 else None


def _introduced_name(reading: Reading, index: int) -> Span | None:
    """Return the name that the word at the index announces."""
    for kind, reader in _READERS:
        if reading.kinds[index] & kind:
            span = reader(reading, index)
            if span:
                return span
    if reading.kinds[index] & (_RANK | _OFFICE | _RELATION | _LABEL):
        return _in_apposition(reading, index + _length_of_tail(reading, index))
    return None


def _after_civility(reading: Reading, index: int) -> Span | None:
    title = reading.word(index)
    gap = reading.gap(index)
    following = index + 1
    if following >= reading.size or not _AFTER_TITLE.fullmatch(gap) or (gap == "" and title[-1] not in "'’"):
        return None
    start = reading.starts[index]
    if "." in gap and (len(title) > _LONGEST_SHORT_TITLE or reading.text[max(0, start - 1) : start] == "."):
        return None  # the end of a sentence, or an acronym: C.M.I.
    if reading.keys[index] in _LEARNED and _bears_a_place(reading, index):
        return None
    is_pronoun = title in _OBJECT_PRONOUNS and not _is_implied_by_surname(reading, following)
    if is_pronoun or (title == "m" and "." not in gap and not reading.kinds[following] & _SURNAME):
        return None
    if title in {"M", "Me", "m"} and not (
        reading.kinds[following] & (_CAPITALISED | _NAME | _ANY_PARTICLE) or "." in gap
    ):
        return None
    span = _name_words(reading, following, trusts_unknown=True, trusts_common=True)
    return (
        span
        or _lower_initial(reading, following)
        or _initial_alone(reading, following)
        or _named_subject(reading, index, following)
    )


def _is_implied_by_surname(reading: Reading, at: int) -> bool:
    """Return whether `me` is Maître, from the surname after it that is no word: `me Delaunay vous a écrit`."""
    kinds = reading.kinds[at]
    is_surname = kinds & _FREQUENT or (kinds & _SURNAME and reading.has_capital(at))
    return bool(is_surname) and not kinds & (_NOBODY | _WAY | _FIRST)


def _lower_initial(reading: Reading, at: int) -> Span | None:
    """Return initials in any case with their surname after a civility: `mme j. fournier`, `m. j-p fournier`."""
    following = at + 1
    if following >= reading.size or any(len(part) > 1 for part in reading.keys[at].split("-")):
        return None
    is_linked = reading.gap(at) in _AFTER_INITIAL or (reading.joins(at) and "-" in reading.keys[at])
    kinds = reading.kinds[following]
    is_surname = kinds & _SURNAME and not kinds & (_COMMON | _INSTITUTION)
    return (at, _rest_of_name(reading, following)) if is_linked and is_surname else None


def _initial_alone(reading: Reading, at: int) -> Span | None:
    """Return the letter that stands for a name after a civility: `Mme T.`, `M. D`; X is nobody."""
    has_point = reading.text[reading.ends[at] : reading.ends[at] + 1] == "."
    if has_point and reading.gap(at) == ".":
        return None  # an acronym: M.D.P.H.
    is_letter = (
        len(reading.keys[at]) == 1 and reading.keys[at] not in {"x", "y", "z"} and not reading.kinds[at] & _ELIDED
    )
    return (at, at + 1) if is_letter and (has_point or reading.kinds[at] & _INITIAL) else None


def _named_subject(reading: Reading, index: int, at: int) -> Span | None:
    """Return a common word that stands as a name: `mme piquet a bien noté`, `mr caillou m'a écrit`."""
    following = at + 1
    if following >= reading.size or not reading.joins(at) or reading.keys[index] not in _PERSONAL_CIVILITIES:
        return None
    acts = reading.keys[following] in {"m", "a", "ma", "nous", "avait", "du"}
    kinds = reading.kinds[at]
    is_noun = len(reading.keys[at]) > _SHORTEST_LOWER and not reading.word(at).lower().endswith(
        (*_NO_NAME_ENDS, "e", "s")
    )
    return (at, following) if acts and is_noun and not kinds & (_INSTITUTION | _RANK | _OFFICE) else None


_LEARNED = frozenset({"docteur", "dr", "professeur", "pr"})
_PERSONAL_CIVILITIES = frozenset({"mme", "mr", "mlle", "mademoiselle", "madame", "monsieur"})


def _after_rank(reading: Reading, index: int) -> Span | None:
    if _bears_a_place(reading, index) or _is_adjective(reading, index):
        return None
    at = _after_tails(reading, index)
    if at == index:
        return None
    kinds = reading.kinds[at]
    if kinds & _PARTICLE and not kinds & _CAPITALISED:
        return _particle_surname(reading, at)
    if reading.keys[at] in _TRADES and not (index and reading.keys[index - 1] in _INDEFINITES):
        return at, _rest_of_name(reading, at)
    trusts_unknown = reading.keys[index] in _STRICT_RANKS or reading.is_shouted
    span = _name_words(reading, at, trusts_unknown=trusts_unknown, trusts_common=False)
    if span is None and _acts(reading, at) and _may_be_subject(reading, at):
        return at, at + 1
    return span or (_initial_alone(reading, at) if kinds & _INITIAL else None)


def _after_tails(reading: Reading, index: int) -> int:
    """Return the word after a rank and what belongs to it, or the rank itself when none follows."""
    at = index + _length_of_tail(reading, index)
    if reading.gap(index) == "/" and reading.keys[index + 1] in {"c", "chef"}:  # MDL/C
        at += 1
    is_led_to = False
    while _leads_on(reading, at) and at + 1 < reading.size:
        at += 1
        is_led_to = True
        is_last = not (reading.joins(at) and at + 1 < reading.size and reading.has_capital(at + 1))
        if not reading.kinds[at] & _QUALIFIER or (is_last and reading.has_capital(at)):
            break
    return at if is_led_to else index


def _acts(reading: Reading, at: int) -> bool:
    """Return whether what follows the word is what a person does: `le gendarme peltrieux m'a reçu`."""
    return at + 1 < reading.size and reading.joins(at) and reading.keys[at + 1] in _DEEDS


_DEEDS = frozenset({"a", "m", "ma", "nous", "vous", "n", "avait", "qui", "est", "etait", "ont", "s", "lui"})


def _may_be_subject(reading: Reading, at: int) -> bool:
    """Return whether a word before a verb may be an unknown name, or a place that is one too: `le gendarme Pau a`."""
    kinds = reading.kinds[at]
    if kinds & (_COMMON | _INSTITUTION | _ELIDED | _ANY_PARTICLE | _INTRODUCERS | _WAY):
        return False
    return bool(kinds & _CAPITALISED and kinds & _COMMUNE) or (not kinds and _may_be_unknown_name(reading, at))


def _in_apposition(reading: Reading, index: int) -> Span | None:
    """Return the name that commas or parentheses set beside a word: `le propriétaire, Delahousse, refuse`."""
    following = index + 1
    opening = reading.gap(index)
    if following >= reading.size or opening not in _CLOSED_BY:
        return None
    if not reading.has_capital(following) and not _is_surname_only(reading, following):
        return None
    kinds = reading.kinds[following]
    is_acronym = kinds & _UPPER and not kinds & _NAME
    is_gentile = reading.keys[following].endswith(_GENTILE_ENDS) and not kinds & (_FIRST | _FREQUENT)
    if kinds & (_NOBODY | _WAY | _INTRODUCERS | _ANY_PARTICLE | _ELIDED) or is_acronym or is_gentile:
        return None
    end = _rest_of_name(reading, following)
    return (following, end) if reading.gap(end - 1).startswith(_CLOSED_BY[opening]) else None


_CLOSED_BY = {", ": ",", " (": ")"}


def _is_adjective(reading: Reading, index: int) -> bool:
    """Return whether `général` or `major` belongs to the noun before it: `le consulat général d'Oslo`."""
    if reading.keys[index] not in {"general", "generale", "major"} or not index or not reading.joins(index - 1):
        return False
    kinds = reading.kinds[index - 1]
    return (
        bool(kinds & _COMMON)
        and not kinds & (_CIVILITY | _PARTICLE | _RANK)
        and (reading.keys[index - 1] not in _ARTICLES | _POSSESSIVES | _AND | {"par", "au", "avec", "merci"})
    )


def _length_of_tail(reading: Reading, index: int) -> int:
    """Return how many words after a rank belong to it: `chef d'escadron`, `gardien de la paix`."""
    for tail in _RANK_TAILS:
        if tuple(reading.keys[index + 1 : index + 1 + len(tail)]) == tail:
            return len(tail)
    return 0


def _leads_on(reading: Reading, index: int) -> bool:
    """Return whether a blank, or the point of a short rank, parts a word from the next: `Adj. Fleury`."""
    is_abbreviated = reading.gap(index) in {". ", "."} and len(reading.keys[index]) <= _SHORTEST_NAME
    return reading.joins(index) or (is_abbreviated and bool(reading.kinds[index] & _RANK))


def _particle_surname(reading: Reading, index: int) -> Span | None:
    """Return `de La Tour` or `de Villepin` after a rank, where `de Lyon` would be a place."""
    following = index + 1
    if following >= reading.size or not reading.joins(index) or not reading.has_capital(following):
        return None
    if reading.keys[index - 1] == "col" or " ".join(reading.keys[index : following + 1]) in famous_names():
        return None  # le col du Lautaret, le général de Gaulle
    kinds = reading.kinds[following]
    if (kinds & (_COMMUNE | _INSTITUTION | _COMMON | _WAY) and not kinds & _ANY_PARTICLE) or reading.is_shouted:
        return None
    span = _name_words(reading, following, trusts_unknown=False, trusts_common=False)
    return (index, span[1]) if span else None


def _after_office(reading: Reading, index: int) -> Span | None:
    if index + 2 < reading.size and reading.keys[index + 1] in _OFFICE_TAILS and reading.joins(index):
        index += 1
    if not reading.joins(index) or index + 1 >= reading.size or _bears_a_place(reading, index):
        return None
    kinds = reading.kinds[index + 1]
    if kinds & (_PARTICLE | _ELIDED) and not kinds & _CAPITALISED:
        return None
    is_acronym = kinds & _UPPER and len(reading.keys[index + 1]) <= _SHORTEST_LOWER
    is_gentile = reading.keys[index + 1].endswith(_GENTILE_ENDS)
    if not kinds & _NAME and (kinds & _TOWN or is_acronym or is_gentile or reading.keys[index] in _EMPLOYED):
        return None
    return _name_words(reading, index + 1, trusts_unknown=False, trusts_common=False)


#: What may belong to an office before the name: assistante sociale, policier municipal.
_OFFICE_TAILS = word_set("social sociale municipal municipale judiciaire general generale adjoint adjointe scolaire")
#: After these an unknown word with a capital is their firm: le livreur Chronopost.
_EMPLOYED = word_set("chauffeur livreur livreuse technicien technicienne")


def _after_relation(reading: Reading, index: int) -> Span | None:
    following = index + 1
    if following >= reading.size:
        return None
    if reading.keys[index] in _ALSO_CALLED and _follows_a_name(reading, index):
        return _also_called(reading, following)
    is_against = reading.keys[index] == "contre" and not (index and reading.keys[index - 1] in _COMPLAINTS)
    if is_against or " ".join(reading.keys[index : following + 1]) in famous_names():
        return None
    if reading.gap(index) in {", ", " : ", ": ", " (", ' "', " « "}:
        kinds = reading.kinds[following]
        is_first = kinds & _USUAL_FIRST and kinds & _CAPITALISED
        return _name_by_first_name(reading, following) if is_first else None
    if reading.keys[following] in INTRODUCED_ONLY | CAPITAL_TELLS and reading.joins(index) and index:
        is_owned = reading.keys[index - 1] in _POSSESSIVES
        if is_owned and not (following + 1 < reading.size and reading.keys[following] in {"marie", "marine"}):
            return _name_words(reading, following, trusts_unknown=False, trusts_common=True)
    return _after_office(reading, index) or _apposed_name(reading, index)


def _apposed_name(reading: Reading, index: int) -> Span | None:
    """Return the unknown name before a kinship: `Ilyana, ma fille`, `Ilyana et sa soeur`."""
    at = index - 2
    if at < 0 or reading.keys[index - 1] not in _POSSESSIVES:
        return None
    if reading.keys[at] in _AND:
        at -= 1
    elif reading.gap(at) != ", ":
        return None
    return (at, at + 1) if at >= 0 and reading.kinds[at] == _CAPITALISED else None


def _follows_a_name(reading: Reading, index: int) -> bool:
    """Return whether the word before is a name, or the mark of one."""
    if not index:
        return False
    kinds = reading.kinds[index - 1]
    is_mark = reading.text[reading.starts[index - 1] - 1 : reading.ends[index - 1] + 1] == "[NOM]"
    return is_mark or bool(kinds & _CAPITALISED and kinds & _NAME and not kinds & _COMMON)


def _also_called(reading: Reading, at: int) -> Span | None:
    """Return the further surname of a person after `née` or `épouse`, whatever word or place it is as well."""
    if reading.gap(at - 1) not in {" ", "\u00a0", ". ", " : "} or not reading.kinds[at] & _CAPITALISED:
        return None
    if (
        reading.kinds[at] & _PARTICLE
        or len(reading.keys[at]) < _SHORTEST_NAME
        or (reading.is_loud(at) and reading.keys[at] == "le")
    ):
        return _name_words(reading, at, trusts_unknown=True, trusts_common=True)
    return at, _rest_of_name(reading, at)


def _after_calling(reading: Reading, index: int) -> Span | None:
    """Return the name after `je m'appelle` or `nommé`; after `j'ai appelé`, only a known one."""
    following = index + 1
    if following >= reading.size:
        return None
    if not reading.joins(index) and reading.gap(index) not in {" : ", ": ", ' "', " « ", " «"}:
        return None
    if any(key in _BEASTS_AND_THINGS for key in reading.keys[max(0, index - 3) : index]):
        return None
    token = reading.word(index)
    is_reflexive = index > 0 and (
        (bool(reading.kinds[index - 1] & _ELIDED) and reading.keys[index - 1] in {"m", "s", "t"})
        or reading.keys[index - 1] in {"fait", "faisait", "faire", "font", "fais"}
    )
    if reading.keys[index].startswith("appel") and not is_reflexive:
        if not reading.kinds[following] & _NAME or token.lower() in {"appelle", "appelles"}:
            return None
        return _name_words(reading, following, trusts_unknown=False, trusts_common=False)
    return _name_words(reading, following, trusts_unknown=True, trusts_common=True)


#: What has a name and is nobody: mon chien s'appelle Rex.
_BEASTS_AND_THINGS = word_set(
    "chien chienne chiot chat chatte cheval jument poney animal perroquet lapin site application appli logiciel societe"
    " entreprise association boutique magasin restaurant bar bateau groupe jeu fichier virus operation village commune"
)


_LABEL_COMPLEMENTS = word_set(
    "affiche beneficiaire titulaire de famille et prenom prenoms nom complet d usage jeune fille naissance la du"
    " patronymique marital client compte"
    " carte contrat ligne victime des parents s par electronique est c"
)


def _after_label(reading: Reading, index: int) -> Span | None:
    """Return the name after `Nom :`, `Nom et prénom :`, `mon nom est`, `signé`."""
    following, linked = _labelled(reading, index)
    if following <= index or following >= reading.size:
        return None
    if linked:
        return _name_words(reading, following, trusts_unknown=True, trusts_common=True)
    is_next = following == index + 1
    if reading.keys[index] in _NAME_LABELS and (is_next or reading.keys[following - 1] in _NAME_LABELS):
        return _bare_labelled_name(reading, following)
    if reading.keys[index] == "nom" and index and reading.keys[index - 1] == "au" and reading.has_capital(following):
        is_person = not reading.kinds[following] & (_COMMON | _INSTITUTION | _TOWN | _INITIAL)
        return (following, _rest_of_name(reading, following)) if is_person else None
    if reading.keys[index - 1 : index + 2] == ["au", "nom", "de"] and following == index + 2 < reading.size:
        kinds = reading.kinds[following]
        if kinds & _SURNAME and not kinds & (_COMMON | _INSTITUTION | _TOWN | _CAPITALISED):
            return following, _rest_of_name(reading, following)
    is_party = reading.keys[index] in _PARTIES and not reading.kinds[following] & (_NOBODY | _WAY)
    is_known = (reading.kinds[following] & _NAME or is_party) and reading.has_capital(following)
    is_known = is_known or (
        index > 0 and reading.keys[index - 1] in _POSSESSIVES and _is_surname_only(reading, following)
    )
    return _after_office(reading, index) if is_next and (is_known or reading.keys[index].startswith("sign")) else None


def _labelled(reading: Reading, index: int) -> tuple[int, bool]:
    """Return the word that a label leads to, and whether a colon or `est` links them; 0 when it leads to none."""
    following = index
    linked = False
    while following + 1 < reading.size:
        gap = reading.gap(following)
        following += 1
        if _AFTER_LABEL.fullmatch(gap):
            linked = True
            break
        if not reading.joins(following - 1) and gap != "/":
            return 0, False
        if reading.keys[following] not in _LABEL_COMPLEMENTS:
            break
        if reading.keys[following] == "est" and following + 1 < reading.size:
            following += 1
            is_mine = index > 0 and reading.keys[index - 1] in _POSSESSIVES
            linked = is_mine or (reading.has_capital(following) and not reading.kinds[following] & _COMMON)
            break
    return following, linked


_NAME_LABELS = frozenset({"nom", "prenom", "prenoms", "patronyme", "nom-prenom"})


def _bare_labelled_name(reading: Reading, at: int) -> Span | None:
    """Return the name after `nom` or `prénom` without a colon: `nom garcia prenom manuel`."""
    kinds = reading.kinds[at]
    is_first = kinds & _FIRST and reading.keys[at - 1].startswith("prenom")
    if kinds & (_INSTITUTION | _LABEL | _CIVILITY) or (kinds & _COMMON and not is_first):
        return None
    if is_first or (kinds & _NAME and not kinds & _TOWN) or (reading.has_capital(at) and not kinds & _COMMUNE):
        return at, _rest_of_name(reading, at)
    return (at, at + 1) if kinds & _UPPER and reading.is_shouted and not kinds & _COMMUNE else None


def _after_closing(reading: Reading, index: int) -> Span | None:
    """Return the signature after `Cordialement,`, and the person in `Merci Sophie`."""
    following = index + 1
    if following >= reading.size or not _AFTER_CLOSING.fullmatch(reading.gap(index)):
        return None
    signs = reading.keys[index] in _LOWER_SIGNATURE
    if signs and (span := _signed_initial(reading, following)):
        return span
    may_sign = signs or reading.is_shouted or reading.kinds[following] & _CAPITALISED
    span = _name_words(reading, following, trusts_unknown=False, trusts_common=False) if may_sign else None
    if span is None:
        return None
    known = any(reading.kinds[i] & _NAME and not reading.kinds[i] & _COMMON for i in range(*span))
    ends_the_text = bool(_TEXT_END.match(reading.text, reading.ends[span[1] - 1]))
    is_line = "\n" in reading.gap(index) and not reading.kinds[following] & _COMMUNE
    is_unknown = reading.kinds[following] in {_CAPITALISED, _SURNAME_ONLY}
    if ends_the_text and (known or is_line or is_unknown or span[1] - span[0] > 1) and signs:
        return span
    return _name_by_first_name(reading, following) if reading.kinds[following] & _USUAL_FIRST else None


def _signed_initial(reading: Reading, at: int) -> Span | None:
    """Return an initial in any case with its surname: `cordialement f. lagarde`."""
    is_initial = len(reading.keys[at]) == 1 and reading.gap(at) in {". ", "."} and at + 1 < reading.size
    return (at, at + 2) if is_initial and not reading.kinds[at + 1] & (_COMMON | _INSTITUTION) else None


_LOWER_SIGNATURE = frozenset(
    {
        "cordialement", "salutations", "sincerement", "respectueusement", "amicalement", "cdlt", "vous", "avance",
        "distinguees", "bientot", "amities", "journee", "soiree", "reception", "bises",
    }
)  # fmt: skip

_READERS = (
    (_CIVILITY, _after_civility),
    (_RANK, _after_rank),
    (_CALLING, _after_calling),
    (_LABEL, _after_label),
    (_RELATION, _after_relation),
    (_OFFICE, _after_office),
    (_CLOSING, _after_closing),
)


def _name_by_first_name(reading: Reading, index: int) -> Span | None:
    """Return the name that begins, or continues, with the first name at the index."""
    if reading.kinds[index] & _INSTITUTION or _bears_a_place(reading, index):
        return None
    end = _rest_of_name(reading, index)
    start = _surname_before(reading, index)
    if end == index + 1 and start == index:
        return _lone(reading, index)
    if _is_public(reading, start, end) or (start == index and not _may_begin(reading, index, end)):
        return None
    return start, end


def _may_begin(reading: Reading, index: int, end: int) -> bool:
    """Return whether a first name with its surname is more than two words that happen to be names as well."""
    kinds = reading.kinds[index]
    surnames = range(index + 1, end)
    if not reading.kinds[index] & _CAPITALISED:
        if kinds & _COMMON:
            if reading.keys[index] in _DOUBLED and reading.kinds[index + 1] & _USUAL_FIRST:
                return True
            return any(reading.kinds[i] & _SURNAME and not reading.kinds[i] & (_COMMON | _COMMUNE) for i in surnames)
        return len(reading.keys[index]) >= _SHORTEST_LOWER or any(
            reading.kinds[i] & _NAME and not reading.kinds[i] & _COMMON for i in surnames
        )
    if kinds & _COMMON and index and reading.keys[index - 1] in _ARTICLES and reading.joins(index - 1):
        return False
    if kinds & _COMMUNE and not kinds & _USUAL_FIRST:
        return not (index and reading.keys[index - 1] in _PLACE_PREPOSITIONS)
    return True


def _lone(reading: Reading, index: int) -> Span | None:
    """Return a first name without a surname when it can be nothing else."""
    kinds = reading.kinds[index]
    key = reading.keys[index]
    if not kinds & _USUAL_FIRST and _is_met(reading, index):
        return index, index + 1
    if not kinds & _USUAL_FIRST or (kinds & (_INSTITUTION | _COMMUNE) and not _is_certain(key, kinds)):
        return None
    follows_elision = index > 0 and reading.keys[index - 1] == "l" and bool(reading.kinds[index - 1] & _ELIDED)
    is_owned = index > 0 and reading.joins(index - 1) and _owns_a_name(reading, index - 1)
    if follows_elision or is_owned or key.replace("-", " ") in famous_names() or _is_part_of_a_place(reading, index):
        return None
    if kinds & _COMMON:
        follows_article = index > 0 and reading.keys[index - 1] in _ARTICLES and reading.joins(index - 1)
        is_implied = key in CAPITAL_TELLS or _is_implied_by_position(reading, index)
        follows = reading.word(index + 1) if index + 1 < reading.size and reading.joins(index) else ""
        is_thing = follows_article or follows.endswith(("ée", "ées"))  # Pierre tombée sur la route
        return (index, index + 1) if is_implied and reading.has_capital(index) and not is_thing else None
    if kinds & _CAPITALISED:
        return (index, index + 1) if len(key) >= _SHORTEST_NAME or not kinds & _UPPER else None
    return (index, index + 1) if len(key) >= _SHORTEST_LOWER and not kinds & (_SURNAME & _COMMUNE) else None


#: What a name after them belongs to is a beast or a car: mon chat Félix, Renault Mégane.
_OWNERS_OF_NAMES = word_set(
    "chien chienne chiot chatte cheval jument poney perroquet lapin renault peugeot citroen dacia ford fiat opel seat"
    " skoda volkswagen toyota nissan hyundai kia vierge"
)


def _owns_a_name(reading: Reading, at: int) -> bool:
    """Return whether the name after a word is a beast's or a car's; a `chat` is mostly where people write."""
    is_cat = reading.keys[at] == "chat" and at > 0 and reading.keys[at - 1] in _POSSESSIVES
    is_car = reading.keys[at + 1] in _CARS and reading.keys[at] in _ARTICLES | _POSSESSIVES
    return is_cat or is_car or reading.keys[at] in _OWNERS_OF_NAMES


_CARS = frozenset({"megane", "zoe"})


def _is_met(reading: Reading, index: int) -> bool:
    """Return whether a first name from abroad stands alone where a person would: `avec Oleksandr`, `merci à Tenzin`."""
    if index < 2 or not reading.joins(index - 1) or not reading.has_capital(index):  # noqa: PLR2004
        return False
    is_clear = not reading.kinds[index] & (_NOBODY | _SURNAME | _WAY) and len(reading.keys[index]) >= _SHORTEST_LOWER
    before = reading.keys[index - 1]
    return is_clear and (before in {"avec", "contre"} or (before == "a" and reading.keys[index - 2] in ADDRESSED))


def _is_implied_by_position(reading: Reading, index: int) -> bool:
    """Return whether a first name that is a word too names somebody: a capital within a sentence, or one who acts.

    `avec Claire au téléphone`, `Rose m'a aidée`; neither `Claire et nette` nor `Très Claire`.
    """
    if reading.keys[index] in _RARELY_PERSONS or reading.kinds[index] & _UPPER:
        return False
    following = index + 1
    acts = following < reading.size and reading.joins(index) and reading.keys[following] in _DOES - {"et", "du"}
    if not index or not (reading.joins(index - 1) or reading.gap(index - 1) == ", "):
        return acts
    return acts or not reading.kinds[index - 1] & _CAPITALISED or reading.gap(index - 1) == ", "


_RARELY_PERSONS = word_set("noel toussaint lorraine constance honore victoire marin franco roman samba aime mira flore")


def _is_certain(key: str, kinds: int) -> bool:
    """Return whether a usual first name that is a commune too is meant as a first name: communes are rarer."""
    return bool(kinds & _USUAL_FIRST) and not kinds & _INSTITUTION and len(key) >= _SHORTEST_NAME


def _is_part_of_a_place(reading: Reading, index: int) -> bool:
    """Return whether the words around the index are the name of a commune, or of another place that is well known."""
    for before in range(3):
        for after in range(3):
            first, last = index - before, index + after
            if (before or after) and first >= 0 and last < reading.size:
                length = reading.ends[last] - reading.starts[first]
                words = " ".join(reading.keys[first : last + 1]).replace("-", " ")
                if length < _LONGEST_PLACE and (words in communes() or words in famous_names()):
                    return True
    return False


def _is_public(reading: Reading, start: int, end: int) -> bool:
    """Return whether the words name a place, a firm or somebody after whom places are named."""
    words = " ".join(reading.keys[start:end]).replace("-", " ")
    if words in famous_names() or any(words.startswith(f"{famous} ") for famous in famous_names()):
        return True
    if words in communes():
        return True
    return _is_part_of_a_place(reading, start) and not any(
        reading.kinds[i] & _SURNAME and not reading.kinds[i] & _COMMUNE for i in range(start + 1, end)
    )


#: Ways that a particle gives an owner, not a name: la maison de Sophie, un mail de Paul.
_OWNED_WAYS = word_set(
    "mail maison porte cabinet boutique magasin immeuble jardin parking association groupe societe affaire creche cour"
    " operation plan cite villa salle"
)
_OWNERSHIP = frozenset({"de", "d"})
#: What may stand between a way and its name: centre social Olympe de Gouges.
_WAY_ADJECTIVES = word_set(
    "social sociale medical medicale culturel culturelle sportif rural communal communale municipal municipale"
    " hospitalier scolaire commercial nautique aquatique intercommunal primaire elementaire professionnel polyvalente"
    " public publique prive privee"
)


def _bears_a_place(reading: Reading, index: int) -> bool:
    """Return whether a street, a school or a saint's town bears the name at the index."""
    before = index - 1
    for _ in range(4):
        if before < 0 or not reading.joins(before):
            return False
        kinds = reading.kinds[before]
        if kinds & _SAINT and not kinds & _ELIDED:
            return True
        if kinds & _WAY:
            if before < index - 1 and reading.keys[before] in _OWNED_WAYS and reading.keys[before + 1] in _OWNERSHIP:
                return False
            is_phrase = reading.keys[before] in PHRASE_WAYS and before > 0
            return not is_phrase or reading.keys[before - 1] not in NOT_A_WAY_AFTER
        is_title = kinds & (_PARTICLE | _RANK | _SAINT) or reading.keys[before] in _WAY_ADJECTIVES | _LEARNED
        if not is_title and not (kinds & _CAPITALISED and kinds & (_NAME | _RANK)):
            return False
        before -= 1
    return False


def _surname_before(reading: Reading, index: int) -> int:
    """Return where the name begins when the surname precedes the first name: `DURAND Pierre`, `LE GOFF Anne`."""
    start = index
    while start > 0 and reading.joins(start - 1) and index - start < _SHORTEST_NAME:
        kinds = reading.kinds[start - 1]
        if start == index and _is_lower_surname(reading, start - 1):
            return start - 1
        if kinds & (_INSTITUTION | _ELIDED) or not kinds & _CAPITALISED:
            break
        is_known = kinds & _SURNAME and not kinds & (_COMMON | _COMMUNE)
        is_spelt_out = (
            kinds & _UPPER
            and (not kinds & _COMMON or kinds & _SURNAME)
            and (
                kinds & _SURNAME
                or reading.kinds[index] & _USUAL_FIRST
                or len(reading.keys[start - 1]) > _SHORTEST_LOWER
            )
            and not reading.is_loud(start - 1)
            and (len(reading.keys[start - 1]) >= _SHORTEST_NAME or kinds & _ANY_PARTICLE)
        )
        is_particle = start < index and kinds & _ANY_PARTICLE
        opens_a_line = (start == 1 or reading.gap(start - 2)[-1:] in {"\n", ":", "("}) or reading.gap(start - 2) == ": "
        follows_preposition = start > 1 and reading.keys[start - 2] in {"par", "contre", "avec"}
        is_unknown = kinds == _CAPITALISED and bool(reading.kinds[index] & _USUAL_FIRST)
        is_headed = (
            (opens_a_line or follows_preposition or is_unknown)
            and (reading.kinds[index] & _USUAL_FIRST or not reading.kinds[index] & _COMMUNE)
            and (kinds & _SURNAME or not kinds & _UPPER or len(reading.keys[start - 1]) > _SHORTEST_LOWER)
            and not kinds & (_NOBODY | _WAY | _INTRODUCERS)
            and reading.has_capital(start - 1)
        )
        if not (is_known or is_spelt_out or is_particle or is_headed):
            break
        start -= 1
    return start


def _is_lower_surname(reading: Reading, at: int) -> bool:
    """Return whether a word in lower case before a first name in lower case is its surname: `coulibaly bakary`."""
    kinds, following = reading.kinds[at], reading.kinds[at + 1]
    return (
        bool(kinds & _SURNAME)
        and not (kinds | following) & (_CAPITALISED | _COMMON)
        and not kinds & (_COMMUNE | _INSTITUTION | _FIRST)
        and len(reading.keys[at]) >= _SHORTEST_LOWER
    )


def _rest_of_name(reading: Reading, index: int) -> int:
    """Return the index after the first name, its further first names and its surname."""
    end = index + 1
    while end < reading.size and end - index < _LONGEST_NAME:
        step = _next_part(reading, end, trusts_unknown=_trusts_after_first(reading, index, end))
        if step == end:
            break
        end = step
    return end


def _trusts_after_first(reading: Reading, index: int, at: int) -> bool:
    """Return whether an unknown word may be the surname: directly after first names that are no common words."""
    return all(reading.kinds[i] & _FIRST for i in range(index, at)) and (
        bool(reading.kinds[at] & _CAPITALISED) or not reading.kinds[index] & _COMMON
    )


def _next_part(reading: Reading, at: int, *, trusts_unknown: bool) -> int:
    """Return the index after one further part of a name, or the same when the name has ended."""
    before = reading.keys[at - 1]
    is_initial = (len(before) <= _LONGEST_INITIAL or before[-2:-1] == "-") and reading.gap(at - 1) in _AFTER_INITIAL
    if not is_initial and not reading.joins(at - 1):
        return at
    kinds = reading.kinds[at]
    if kinds & (_ANY_PARTICLE | _ELIDED) and (
        kinds & _ELIDED or not kinds & _FIRST or reading.keys[at] in {"de", "la"}
    ):
        end = _particled(reading, at)
        if end > at or not kinds & _SURNAME or kinds & _ELIDED or not kinds & _CAPITALISED:
            return end
    if _is_name_word(reading, at, trusts_unknown=trusts_unknown):
        return at + 1
    return at


def _particled(reading: Reading, at: int) -> int:
    """Return the index after particles and the word they lead to, or the same when that word is no name."""
    last = at
    while last < reading.size - 1 and last - at < _SHORTEST_NAME and reading.joins(last):
        if not reading.kinds[last] & (_ANY_PARTICLE | _ELIDED):
            break
        last += 1
    if last > at + 1 and not reading.has_capital(last) and reading.kinds[last - 1] & _CAPITALISED:
        last -= 1  # Ould Sidi a reçu
    if last == at or reading.kinds[last] & (_INSTITUTION | _ELIDED):
        return at
    follows = _follows_capital_particle if reading.has_capital(last) else _follows_lower_particle
    return last + 1 if follows(reading, at, last) else at


def _follows_capital_particle(reading: Reading, at: int, last: int) -> bool:
    """Return whether a word with a capital is the name that its particles lead to: `El Mansouri`, `de La Tour`."""
    kinds = reading.kinds[last]
    opened = reading.kinds[last - 1]
    is_capital = bool(opened & _CAPITALISED) and not reading.is_loud(last - 1)
    if kinds & _WAY and not is_capital:
        return False
    if is_capital or (
        opened & _FOREIGN_PARTICLE and (not opened & _COMMON or reading.keys[last - 1] in _NAME_PARTICLES)
    ):
        return bool(kinds & _NAME) or not kinds & _COMMON or (is_capital and last - at > 1)
    if _follows_first_name(reading, at, last) and not kinds & (_WAY | _INSTITUTION | _COMMON):
        return True
    if kinds & _COMMUNE and not opened & _ELIDED:
        return False
    is_unknown = not kinds & (_WAY | _COMMUNE | _TOWN) and reading.keys[last - 1] in {"de", "d", "la"}
    return (bool(kinds & _SURNAME) or is_unknown) and not kinds & _COMMON


def _follows_lower_particle(reading: Reading, _: int, last: int) -> bool:
    """Return whether a word in lower case is the name that its particles lead to: `el mansouri`."""
    kinds = reading.kinds[last]
    opened = reading.kinds[last - 1]
    if kinds & (_COMMON | _WAY) or reading.keys[last - 1] in _LOWER_LINKS:
        return False
    is_foreign = bool(opened & _FOREIGN_PARTICLE) and not opened & _COMMON
    return bool(kinds & _NAME) or (is_foreign and len(reading.keys[last]) > _SHORTEST_NAME)


def _is_name_word(reading: Reading, at: int, *, trusts_unknown: bool) -> bool:
    """Return whether a word may go on with a name that has begun."""
    kinds = reading.kinds[at]
    key = reading.keys[at]
    is_town = kinds & _TOWN and not kinds & _NAME and not _follows_first_name(reading, at)
    if kinds & _INSTITUTION or is_town or (kinds & _CIVILITY and len(key) > 1):
        return False
    if len(key) == 1:  # an initial
        return bool(kinds & _CAPITALISED) and reading.text[reading.ends[at] : reading.ends[at] + 1] == "."
    if reading.has_capital(at):
        is_spelt_out = kinds & _UPPER and len(key) > _SHORTEST_LOWER and not reading.kinds[at - 1] & _UPPER
        is_known = kinds & _NAME or (trusts_unknown and (not kinds & _COMMON or is_spelt_out))
        opens_a_sentence = key in _OPENERS or kinds & (_WAY | _INTRODUCERS)
        return bool(is_known) or (_follows_first_name(reading, at) and not opens_a_sentence)
    if kinds & _COMMON:
        before = reading.kinds[at - 1]
        is_surname = key in _TRADES and before & _USUAL_FIRST and not before & (_COMMON | _COMMUNE)  # sophie petit
        is_spelt_out = kinds & _SURNAME and kinds & _UPPER and trusts_unknown and not reading.is_shouted
        return bool(is_surname or is_spelt_out)
    return len(key) >= _SHORTEST_NAME if kinds & _NAME else trusts_unknown and _may_be_unknown_name(reading, at)


def _follows_first_name(reading: Reading, at: int, last: int | None = None) -> bool:
    """Return whether a word with a capital stands after a first name that is nothing else: `Huguette Marchais`.

    Args:
        reading: The text.
        at: The index after the first name.
        last: Where the word stands, if particles precede it: `Arnaud de Villepreux`.
    """
    before, word = reading.kinds[at - 1], at if last is None else last
    return (
        bool(before & _USUAL_FIRST and before & _CAPITALISED)
        and not before & (_COMMON | _COMMUNE | _INSTITUTION)
        and reading.has_capital(word)
        and len(reading.keys[word]) >= _SHORTEST_LOWER
    )


#: What begins a sentence after a first name, where the point is missing: Merci Sophie Bonne journée.
_OPENERS = word_set(
    "bonne bonnes belle tres bien bravo super excellent excellente parfait parfaite elle elles nous vous votre notre"
    " cette cela c'est cest mais pour avec dans tout toute tous toutes rien quel quelle quelles quels comment quand"
    " pourquoi accueil service equipe personnel merci encore aussi alors aucun aucune suite depuis apres avant hier"
    " aujourd aujourd'hui demain demande dossier plainte reponse lundi mardi mercredi jeudi vendredi samedi dimanche"
    " janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre leur leurs sans sous quelques"
    " plusieurs jamais toujours chaque voila voici ainsi enfin donc malgre lors lorsque comme mon mes une des les est"
    " sont sont-ils suis avez avons avoir etre fait objet date numero adresse tel telephone mail telecom nord sud ouest"
)


def _may_be_unknown_name(reading: Reading, at: int) -> bool:
    """Return whether an unknown word in lower case, or in a text in capitals, may be a name."""
    if reading.text[reading.ends[at] : reading.ends[at] + 1] in _APOSTROPHES:
        return False  # quelqu'un
    token = reading.word(at).lower()
    return len(token) > _SHORTEST_NAME and not token.endswith(_NO_NAME_ENDS)


def _name_words(reading: Reading, at: int, *, trusts_unknown: bool, trusts_common: bool) -> Span | None:
    """Return the name that begins at the index, where something has announced one.

    Args:
        reading: The text.
        at: Where the name would begin.
        trusts_unknown: Whether a word in lower case that no list knows is taken for a name.
        trusts_common: Whether a word in lower case that is both a name and a common word is taken for a name.
    """
    kinds = reading.kinds[at]
    key = reading.keys[at]
    is_initial = len(key) <= _LONGEST_INITIAL and bool(kinds & _CAPITALISED) and reading.gap(at)[:1] == "."
    if kinds & (_ANY_PARTICLE | _ELIDED) and not is_initial and (not kinds & _NAME or kinds & (_PARTICLE | _ELIDED)):
        end = _particled_after_title(reading, at)
    elif is_initial:
        end = _next_part(reading, at + 1, trusts_unknown=True) if _is_followed_by_name(reading, at) else at
        end = at if end == at + 1 else end
    elif _opens(reading, at, trusts_unknown=trusts_unknown, trusts_common=trusts_common):
        end = at + 1
    else:
        end = _particled(reading, at) if kinds & _ANY_PARTICLE else at
    if end == at:
        return None
    if trusts_common and _ends_with_word(reading, end):
        return at, end + 1
    while end < reading.size and end - at < _LONGEST_NAME:
        step = _next_part(
            reading,
            end,
            trusts_unknown=all(reading.kinds[i] & _FIRST or reading.has_capital(i) for i in range(at, end)),
        )
        if step == end:
            break
        end = step
    return at, end


def _ends_with_word(reading: Reading, at: int) -> bool:
    """Return whether a surname that is a word or a place ends an announced lower-case name: `luc petit, de Pau`."""
    kinds, before = reading.kinds[at] if at < reading.size else 0, reading.kinds[at - 1]
    return (
        bool(before & _USUAL_FIRST and not before & (_COMMON | _CAPITALISED))
        and bool(kinds & _SURNAME and kinds & (_COMMON | _COMMUNE | _TOWN) and not kinds & _INSTITUTION)
        and reading.joins(at - 1)
        and len(reading.keys[at]) >= _SHORTEST_LOWER
        and (not reading.joins(at) or reading.keys[at + 1] in _GOES_ON)
    )


_GOES_ON = frozenset({"et", "qui", "je", "j", "a", "habite", "demeurant", "depuis", "est"})


def _is_followed_by_name(reading: Reading, at: int) -> bool:
    """Return whether an initial has its surname: `J. Durand`; an acronym such as `D.P.H.` has none."""
    while at + 1 < reading.size and len(reading.keys[at + 1]) == 1 and reading.gap(at) in _AFTER_INITIAL:
        at += 1
    return (
        at + 1 < reading.size
        and bool(reading.kinds[at] & _CAPITALISED)
        and reading.gap(at) in _AFTER_INITIAL
        and bool(reading.kinds[at + 1] & _CAPITALISED)
        and (not reading.kinds[at + 1] & _COMMON or bool(reading.kinds[at + 1] & _SURNAME))
        and not _is_hidden(reading.keys[at + 1])
    )


def _opens(reading: Reading, at: int, *, trusts_unknown: bool, trusts_common: bool) -> bool:
    """Return whether a word can be the first of an announced name."""
    kinds = reading.kinds[at]
    key = reading.keys[at]
    is_hidden = _is_hidden(key)
    if is_hidden or kinds & _INSTITUTION:
        is_surname = bool(kinds & _SURNAME) and reading.has_capital(at) and key not in NOT_NAMES
        return trusts_common and is_surname and not is_hidden
    if reading.has_capital(at):
        if kinds & _COMMON:
            return bool(kinds & _NAME)
        return bool(kinds & _NAME) or trusts_common or not kinds & _TOWN
    if kinds & _COMMON:
        return trusts_common and bool(kinds & _NAME) and len(key) > _SHORTEST_NAME and key not in _NEVER_LOWER
    if kinds & _NAME:
        return len(key) >= _SHORTEST_NAME
    return trusts_unknown and not kinds & _TOWN and _may_be_unknown_name(reading, at)


def _is_hidden(key: str) -> bool:
    """Return whether somebody before us has hidden the name: `M. XXX`, `M. JXXX`."""
    bare = key.strip("x")
    return not bare or (len(bare) == 1 and key.endswith("xx"))


#: Surnames that follow a civility in lower case as words far more often than as names.
_NEVER_LOWER = word_set(
    "dans sans pres vers travers comment aller nomme aime choque tres bien ceci apte detaille mena date part"
    " parent agent clair grand bond front put tait poser payer sera ravi aimable gentil major honnete"
)


def _particled_after_title(reading: Reading, at: int) -> int:
    """Return the index after `Le Goff`, `de La Tour`, `el mansouri` following a title, or the same for `le maire`."""
    end = _particled(reading, at)
    last = at + 1
    if end > at or last >= reading.size or not reading.joins(at):
        return end
    if reading.kinds[last] & _ANY_PARTICLE and last + 1 < reading.size and reading.joins(last):
        last += 1
    kinds = reading.kinds[last]
    is_way = kinds & _WAY and not reading.kinds[last - 1] & _CAPITALISED
    if is_way or kinds & (_INSTITUTION | _RANK | _OFFICE | _CIVILITY | _RELATION):
        return at
    is_acronym = kinds & _UPPER and not kinds & _NAME and len(reading.keys[last]) <= _SHORTEST_LOWER
    if is_acronym and not (reading.kinds[at] & _CAPITALISED or reading.is_shouted):
        return at  # Mme la CPE
    if reading.has_capital(last):
        is_estate = reading.keys[last].startswith(("saint-", "sainte-"))
        is_name = is_estate or (kinds & _NAME and not kinds & _TOWN) or not kinds & (_COMMON | _TOWN)
    else:
        is_name = not kinds & _COMMON and reading.keys[at] not in _NEVER_LEAD
        is_name = is_name and (kinds & _SURNAME or _may_be_unknown_name(reading, last))
    return last + 1 if is_name else at


def _name_by_surname(reading: Reading, index: int) -> Span | None:
    """Return a frequent surname that stands alone, or one in capitals with an unknown first name beside it."""
    kinds = reading.kinds[index]
    if kinds & (_COMMON | _INSTITUTION | _COMMUNE) or not reading.has_capital(index) or _bears_a_place(reading, index):
        return None
    following = index + 1
    has_next = following < reading.size and reading.joins(index) and reading.has_capital(following)
    if _is_part_of_a_place(reading, index) or _is_public(reading, index - 1 if index else 0, following):
        return None
    if kinds & _UPPER and has_next and not reading.kinds[following] & _NO_FIRST:
        return index, _rest_of_name(reading, following)
    before = index - 1
    if (
        kinds & (_UPPER | _FREQUENT)
        and before >= 0
        and reading.joins(before)
        and reading.has_capital(before)
        and not reading.kinds[before] & (_NO_FIRST | _WAY | _INTRODUCERS | _ANY_PARTICLE)
    ):
        return before, following
    if kinds & _FREQUENT:
        return index, _rest_of_name(reading, index) if has_next and reading.kinds[following] & _FIRST else following
    return None


_BEGINNINGS = (
    (_FIRST, _name_by_first_name),
    (_SURNAME, _name_by_surname),
    (_FOREIGN_PARTICLE, _name_by_particle),
)
