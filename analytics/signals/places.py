"""Which places of France a text names. The names are those of the COG; what is counted by place belongs elsewhere.

A name is a place when what stands around it says so, the more so the more else it could be: `Marseille` alone is the
city, `Orange` only where somebody or something is *à Orange*. Communes of one name are told apart by the département
that the text names; without one, the far greater is meant, and where none is, none is taken.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ingestion.privacy.vocabulary import Kind, look_up, word_set
from ingestion.privacy.vocabulary import fold as fold_word

GAZETTEER = Path(__file__).with_name("gazetteer.csv")

_TOKEN = re.compile(r"#?[A-Za-zÀ-ÖØ-öø-ÿœŒæÆ0-9]+")
_JOIN = re.compile(r"[ \-\u2010-\u2015'’\u00a0]{1,2}")
_MARK = re.compile(r"\[[A-ZÉÈ_ ]{2,30}\]|https?://\S+|\S+@\S+|@\w+")
_CAMEL = re.compile(r"[A-ZÀ-Ö][a-zà-ÿ]+")
_NUMBER = re.compile(r"\d{5}|\d{2,3}|2[ab]")

_SMALL_WORDS = word_set("le la les l d de du des en sur sous et a au aux lez les pres devant")
_ARTICLES = word_set("le la les l")
_ABBREVIATED = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}
_MERGED = {"au": "le", "du": "le", "aux": "les", "des": "les"}

#: After these a name is a place. `de` and `d` count only behind a noun of `_PLACED`.
_AT = word_set("a au aux vers sur depuis dans entre jusqu en via rejoindre quitter traversant quittant")
_OF = word_set("de d du des")
_NEAR = word_set("pres proche autour aupres loin pas nord sud est ouest cote hauteur environs alentours centre coeur")
_PLACED = word_set(
    "gendarmes gendarme gendarmerie brigade compagnie peloton groupement psig policiers police commissariat pompiers"
    " maire mairie ville villes village commune communes bourg agglomeration agglo metropole communaute centre entree"
    " sortie route gare ecole ecoles college lycee hopital chu clinique urgences habitants habitante habitant riverains"
    " nord sud est ouest region regions environs alentours peripherie port plage foret tribunal parquet procureur"
    " prefecture prefet prefete sous-prefecture secteur zone vallee pays bassin quartier hauteurs rocade pont digue"
    " caserne zoo stade aeroport universite fac campus prison station secteurs canton arrondissement pres proche autour"
    " loin aupres hauteur pourtour cote coeur direction provenance commerces commercants parc caserne mosquee eglise"
    " cathedrale halles rues chateau centre-ville sdis samu municipalite bords large km kilometres minutes originaire"
    " brigades parents eleves agriculteurs vignoble citadelle tour maisons lotissement zac parking barrage marche"
)
_OF_DEPARTEMENT = word_set(
    "departement departements prefet prefete prefecture groupement gendarmes gendarmerie pompiers sdis habitants"
    " conseil nord sud est ouest communes maires villages samu region cote littoral agriculteurs policiers centre"
    " coeur dasen rectorat academie chambre ars coderst securite tribunal routes"
)
_WATERS = word_set(
    "crue crues riviere fleuve bord bords rive rives berge berges quai quais niveau debit lit vallee pont embouchure"
    " debordement affluent cours eaux eau source sources estuaire bassin decrue pic canal montee traverser longer"
)
_STREETS = word_set(
    "rue rues r avenue av ave boulevard bd bld bvd impasse allee allees cours faubourg fbg porte esplanade square"
    " passage chemin villa residence lycee college ecole stade"
)
_STREETS_ONLY = _STREETS - word_set("lycee college ecole stade cours porte chemin passage villa")
#: Behind these, or around them, the name is that of a thing.
_NOT_AFTER = word_set(
    "savon saucisson jambon moutarde piment olympique om ol psg fc as us rc stade girondins accord accords traite"
    " convention serment edit conference comte duc duchesse roi reine tour miel camembert beurre vin vins eau calisson"
    " nougat chez reseau box livebox abonne abonnee abonnes client cliente clients facture forfait operateur fibre"
    " groupe marque societe entreprise vigilance alerte niveau feu carte banque nougats bleu betise betises"
    " bergamote pruneau pruneaux mademoiselle mr monsieur madame mme mlle dr docteur me maitre tarte quiche"
)
_SAID_OF_COMPANIES = word_set("abonne abonnee abonnes client cliente clients operateur forfait box livebox fibre")
_NOT_BEFORE = {
    "paris": word_set("saint sg sportifs sportif hippiques match"),
    "nice": word_set("to try job one guy"),
    "orange": word_set("bank money cyberdefense business pro sanguine pressee mecanique fibre box amere"),
    "bordeaux": word_set("superieur"),
    "tours": word_set("de"),
}
_ABROAD = word_set(
    "autriche espagne italie belgique suisse allemagne canada quebec texas usa bresil portugal maroc algerie tunisie"
    " angleterre luxembourg senegal pologne australie ontario louisiane ohio illinois floride californie roumanie"
    " etats-unis royaume-uni irlande ecosse grece turquie"
)
#: Longer names that hold the name of a place of France and are none.
_OTHERS = (
    "grande bretagne", "nouvelle orleans", "new york", "accords de paris", "notre dame de paris", "paris saint germain",
    "tour de france", "gare de lyon", "gare de l est", "gare du nord", "gare d austerlitz", "coupe du monde",
    "la defense nationale", "le monde", "le point", "le parisien", "ouest france", "sud ouest", "la provence",
    "nord de la france", "sud de la france", "pole nord", "amerique du nord", "coree du nord", "mer du nord",
    "golfe de gascogne", "saint gobain", "saint valentin", "saint sylvestre", "saint nicolas", "saint jean",
    "saint michel", "sainte barbe", "sainte genevieve", "ile maurice", "champs elysees", "point du jour",
    "bourgogne aligote", "nouvelle caledonie",
)  # fmt: skip
_ALIASES = {
    "paca": "FR-PAC", "idf": "FR-IDF", "ile de france": "FR-IDF", "bourgogne": "FR-BFC", "franche comte": "FR-BFC",
    "corse": "FR-COR", "reunion": "FR-974", "pays basque": "FR-64", "alsace": "FR-GES", "aquitaine": "FR-NAQ",
}  # fmt: skip
#: Single words that a commune's size does not make a place of.
_TREACHEROUS = word_set(
    "orange nice tours sens lens vienne die bar gap vitre cluses vire dole foix lourdes laval limoux condom melle"
    " fils pont port bonne blanc bourg grasse cher saint roissy pau vif allonnes trets tulle mende aime bron bruges"
    " valence valencia firmin allure colombes massy poissy creil sète sete meaux riom auch dax aix noyon"
)
_WELL_KNOWN = word_set(
    "nice tours lens vienne laval grasse dax auch meaux pau sete valence massy poissy creil colombes"
)
_RIVERS = word_set(
    "loire seine marne rhone nord manche somme oise aisne orne vienne cher lot var ain allier indre creuse eure drome"
    " isere tarn aude gard moselle meuse vosges jura charente dordogne correze ardeche ariege aveyron herault sarthe"
    " mayenne yonne nievre doubs vendee gers landes aube essonne savoie ardennes vaucluse loiret"
)
_GREAT, _KNOWN, _KNOWN_WORDS = 100_000, 8_000, 2_000
_FAR_GREATER = 8
_WINDOW = 4  # words before a name that may still say what it is
_SENTENCE_END = re.compile(r"[.!?:\n]\s*$|^\s*$|[«\"(]\s*$")


@dataclass(frozen=True)
class Place:
    """A place that a text names.

    Attributes:
        name: Its official name.
        level: `commune`, `departement` or `region`.
        code: Its code in the COG.
        territory_code: The territory that it is, or that it lies in: `FR-33`, `FR-NAQ`.
        start: Where it begins in the text.
        end: Behind its last character.
    """

    name: str
    level: str
    code: str
    territory_code: str
    start: int
    end: int


class _Token(NamedTuple):
    folded: str
    written: str
    start: int
    end: int
    is_hashtag: bool


class _Entry(NamedTuple):
    name: str
    level: str
    code: str
    territory_code: str
    population: int


class _Index(NamedTuple):
    """All names: the places that bear them, and by their first word, of how many words they are, longest first."""

    places: dict[tuple[str, ...], tuple[_Entry, ...]]
    lengths: dict[str, tuple[int, ...]]


@cache
def _index() -> _Index:
    names: dict[tuple[str, ...], list[_Entry]] = {}
    by_code: dict[str, _Entry] = {}
    with GAZETTEER.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            entry = _Entry(row["name"], row["level"], row["code"], row["territory_code"], int(row["population"] or 0))
            if entry.level != "commune":
                by_code.setdefault(entry.territory_code, entry)
            parts = _parts(entry.name)
            names.setdefault(parts, []).append(entry)
            if parts[0] in ("le", "les") and len(parts) > 1:  # au Havre, aux Sables-d'Olonne
                names.setdefault(parts[1:], []).append(entry)
    for alias, code in _ALIASES.items():
        names.setdefault(tuple(alias.split()), []).append(by_code[code])
    for other in _OTHERS:
        names[tuple(other.split())] = []
    lengths: dict[str, set[int]] = {}
    for parts in names:
        lengths.setdefault(parts[0], set()).add(len(parts))
    return _Index(
        {parts: tuple(entries) for parts, entries in names.items()},
        {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()},
    )


def _parts(name: str) -> tuple[str, ...]:
    return tuple(_ABBREVIATED.get(part, part) for part in re.findall(r"[a-z0-9]+", fold_word(name)))


@cache
def _departements() -> dict[str, str]:
    """Return the territory of each département's number."""
    every = (entry for entries in _index().places.values() for entry in entries)
    return {entry.code.lower(): entry.territory_code for entry in every if entry.level == "departement"}


def _bears(name: tuple[str, ...], level: str) -> bool:
    return any(entry.level == level for entry in _index().places.get(name, ()))


def find(text: str) -> list[Place]:
    """Return the places of France that a text names, in its order."""
    plain = _MARK.sub(lambda mark: " " * len(mark.group()), text)
    tokens = [
        _Token(_ABBREVIATED.get(word, word), match.group(), match.start(), match.end(), match.group()[0] == "#")
        for match in _TOKEN.finditer(plain)
        if (word := fold_word(match.group().lstrip("#")))
    ]
    reading = _Reading(plain, tokens)
    return sorted(reading.places(), key=lambda place: place.start)


def territory(text: str) -> str | None:
    """Return the one territory that a text speaks of: the narrowest that all its places allow, else the first's."""
    found = find(text)
    narrow = [place.territory_code for place in found if place.level != "region"]
    return (narrow or [place.territory_code for place in found] or [None])[0]


class _Reading:
    """One text while its places are looked for."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.shouts = sum(t.written.isupper() for t in tokens) * 2 > len(tokens) > 3  # noqa: PLR2004

    def places(self) -> Iterator[Place]:
        candidates = list(self._candidates())
        named = {
            entry.territory_code
            for first, last, entries in candidates
            for entry in entries
            if entry.level == "departement" and self._is_departement(first, last, entry)
        } | set(self._numbers())
        for first, last, entries in candidates:
            entry = self._chosen(first, last, entries, named)
            if entry is not None:
                yield Place(*entry[:4], self.tokens[first].start, self.tokens[last].end)

    def _candidates(self) -> Iterator[tuple[int, int, tuple[_Entry, ...]]]:
        """Yield first and last token of each name, and what bears it; names do not overlap, the longest wins."""
        at = 0
        while at < len(self.tokens):
            if self.tokens[at].is_hashtag:
                yield from self._of_hashtag(at)
                at += 1
                continue
            name = self._name_at(at)
            if name:
                entries = self._bearers(name, at)
                if entries:
                    yield at, at + len(name) - 1, entries
            at += max(1, len(name))

    def _name_at(self, at: int) -> tuple[str, ...]:
        """Return the words of the longest name that begins at a token; none where none does."""
        index = _index()
        for length in index.lengths.get(self.tokens[at].folded, ()):
            parts = tuple(token.folded for token in self.tokens[at : at + length])
            if parts not in index.places or not self._is_joined(at, length):
                continue
            # `la Marne` is not the commune La Marne; without its article, Havre is none of the names
            if self.tokens[at].written.islower() and parts[0] in _ARTICLES and _bears(parts[1:], "departement"):
                continue
            if index.places[parts] and not self._bearers(parts, at):
                continue
            return parts
        return ()

    def _bearers(self, parts: tuple[str, ...], at: int) -> tuple[_Entry, ...]:
        """Return the places of a name, without those whose article is neither there nor merged into the word before."""
        return tuple(
            entry
            for entry in _index().places[parts]
            if (own := _parts(entry.name)) == parts or own[1:] != parts or self._merged_article(at) == own[0]
        )

    def _merged_article(self, at: int) -> str:
        return _MERGED.get(self.tokens[at - 1].folded, "") if at else ""

    def _is_joined(self, at: int, length: int) -> bool:
        words = self.tokens[at : at + length]
        return len(words) == length and all(
            not word.is_hashtag and _JOIN.fullmatch(self.text[before.end : word.start])
            for before, word in pairwise(words)
        )

    def _of_hashtag(self, at: int) -> Iterator[tuple[int, int, tuple[_Entry, ...]]]:
        written = self.tokens[at].written[1:]
        for word in dict.fromkeys([written, *_CAMEL.findall(written)]):
            name = _parts(word)
            entries = _index().places.get(name, ())
            towns = tuple(e for e in entries if e.population >= _KNOWN or e.level != "commune")
            if towns and not self._may_be_a_word(name[0]):
                yield at, at, towns
                return

    # What stands around a name -----------------------------------------------------------------------------------

    def _before(self, at: int, words: int = _WINDOW) -> list[str]:
        """Return the words just before a name, nearest first, not beyond the sentence; small words included."""
        found = []
        for index in range(at - 1, max(-1, at - 1 - words), -1):
            if re.search(r"[.!?\n;]", self.text[self.tokens[index].end : self.tokens[index + 1].start]):
                break
            found.append(self.tokens[index].folded)
        return found

    def _after(self, at: int) -> str:
        return self.tokens[at + 1].folded if at + 1 < len(self.tokens) else ""

    def _is_located(self, first: int, last: int) -> bool:
        """Say whether the words before or after make a place of a name, whatever else it could be."""
        before = self._before(first)
        while before and before[0] in _ARTICLES:
            before = before[1:]
        if before and before[0] in _AT - {"en", "dans"}:
            return True
        if before and before[0] in _OF and any(word in _PLACED for word in before[1:3]):
            return True
        if before and before[0] in ("et", "ou") and any(word in _AT for word in before[1:]):
            return True
        return self._has_number(last)

    def _has_number(self, last: int) -> bool:
        """Say whether a number of département or postal code, or a département, follows in brackets or behind."""
        if last + 1 >= len(self.tokens):
            return False
        between, token = self.text[self.tokens[last].end : self.tokens[last + 1].start], self.tokens[last + 1]
        if _NUMBER.fullmatch(token.folded) and (token.folded[:2].isdigit() or "(" in between):
            return "(" in between or len(token.folded) == 5  # noqa: PLR2004
        return "(" in between and _bears(self._name_at(last + 1), "departement")

    def _numbers(self) -> Iterator[str]:
        """Yield the départements that are named by a number: (33), dans le 33, 33000."""
        for at, token in enumerate(self.tokens):
            if not _NUMBER.fullmatch(token.folded):
                continue
            number = token.folded
            before = self._before(at, 2)
            bracketed = self.text[max(0, token.start - 1) : token.start] == "("
            spoken = before[:2] in (["le", "dans"], ["du", "gendarmes"], ["du", "departement"]) or before[:1] == ["dpt"]
            if len(number) == 5:  # noqa: PLR2004
                number = number[:3] if number.startswith(("97", "98")) else number[:2]
                bracketed = True
            if (bracketed or spoken) and number in _departements():
                yield _departements()[number]

    def _is_capitalised(self, first: int, last: int) -> bool:
        own = [t for t in self.tokens[first : last + 1] if t.folded not in _SMALL_WORDS]
        return bool(own) and all(t.written.lstrip("#")[0].isupper() for t in own)

    def _begins_sentence(self, first: int) -> bool:
        start = self.tokens[first - 1].end if first else 0
        return bool(_SENTENCE_END.search(self.text[start : self.tokens[first].start])) or first == 0

    def _is_thing(self, first: int, last: int) -> bool:  # noqa: PLR0911 - one return per kind of thing
        """Say whether the words around make a street, a club, a cheese, a firm or a person of the name."""
        before, after = self._before(first), self._after(last)
        name = " ".join(t.folded for t in self.tokens[first : last + 1])
        if after in _NOT_BEFORE.get(name, ()):
            return True
        if (
            last + 1 < len(self.tokens)
            and after in _ABROAD
            and re.fullmatch(r"\s*[,(]\s*|\s+", self.text[self.tokens[last].end : self.tokens[last + 1].start])
        ):
            return True
        joined = [word for word in before if word not in _OF and word not in _ARTICLES]
        links = len(before) - len(joined)
        if joined and before[0] in (_OF | {"la", "l"}) and joined[0] in _STREETS_ONLY and links:
            return True
        if joined and joined[0] in _NOT_AFTER and (not before or before[0] not in _AT):
            return True
        if name == "orange" and any(word in _SAID_OF_COMPANIES for word in before):
            return True
        if before and before[0] not in _SMALL_WORDS and before[0] not in _AT:
            _, kinds = look_up(self.tokens[first - 1].written)
            adjacent = self.text[self.tokens[first - 1].end : self.tokens[first].start] == " "
            given = kinds & int(Kind.FIRST_NAME) and kinds & int(Kind.CAPITALISED)
            if adjacent and (given or kinds & int(Kind.CIVILITY)):
                return True
        return False

    def _may_be_a_word(self, word: str) -> bool:
        if word in _WELL_KNOWN:
            return False
        _, kinds = look_up(word)
        return word in _TREACHEROUS or bool(kinds & int(Kind.COMMON | Kind.INSTITUTION))

    # Which place ---------------------------------------------------------------------------------------------------

    def _chosen(self, first: int, last: int, entries: tuple[_Entry, ...], named: set[str]) -> _Entry | None:
        if self._is_thing(first, last):
            return None
        for entry in entries:
            if entry.level == "departement" and self._is_departement(first, last, entry):
                return entry
        for entry in entries:
            if entry.level == "region" and self._is_capitalised(first, last):
                return entry
        communes = [entry for entry in entries if entry.level == "commune"]
        if not communes or not self._is_commune(first, last, communes, named):
            return None
        return self._one_of(communes, named)

    def _is_commune(  # noqa: PLR0911 - one return per kind of name
        self, first: int, last: int, communes: list[_Entry], named: set[str]
    ) -> bool:
        own = [t.folded for t in self.tokens[first : last + 1] if t.folded not in _SMALL_WORDS]
        if not own:
            return False
        population = max(entry.population for entry in communes)
        capital = self._is_capitalised(first, last)
        located = self._is_located(first, last)
        confirmed = any(entry.territory_code in named for entry in communes)
        if len(own) > 1:
            hyphened = "-" in self.text[self.tokens[first].start : self.tokens[last].end]
            words = all(self._may_be_a_word(word) or word == "saint" for word in own)
            return (capital and (hyphened or population >= _KNOWN_WORDS or located or not words)) or (
                not capital and (hyphened or (located and population >= _KNOWN))
            )
        word = own[0]
        _, kinds = look_up(word)
        doubtful = self._may_be_a_word(word)
        if not capital:
            return located and population >= _KNOWN and not doubtful
        if self.tokens[first].is_hashtag:
            return True
        if doubtful:
            return located or confirmed or (population >= _GREAT and not kinds & int(Kind.INSTITUTION))
        person = kinds & int(Kind.FIRST_NAME | Kind.SURNAME | Kind.FREQUENT_SURNAME)
        if population >= _KNOWN:
            if word in _WELL_KNOWN and self._begins_sentence(first):
                return located or confirmed
            return located or confirmed or population >= _GREAT or not person or not self._begins_sentence(first)
        if person:
            return located or confirmed
        return located or confirmed or (population >= _KNOWN_WORDS and not self._begins_sentence(first))

    def _is_departement(  # noqa: PLR0911 - one return per kind of name
        self, first: int, last: int, entry: _Entry
    ) -> bool:
        if not self._is_capitalised(first, last):
            return False
        parts = _parts(entry.name)
        before = self._before(first)
        if entry.territory_code in ("FR-75C", "FR-974", "FR-976", "FR-972", "FR-971", "FR-973"):
            return (
                entry.territory_code != "FR-974" or any(w in ("la", "a", "de") for w in before[:2]) or parts[0] == "la"
            )
        if len(parts) > 1 and not (len(parts) == 2 and parts[0] in _ARTICLES):  # noqa: PLR2004
            return True
        between = self.text[max(0, self.tokens[first].start - 2) : self.tokens[first].start]
        if "(" in between or (", " in between and first and self.tokens[first - 1].written[0].isupper()):
            return True
        plain = [word for word in before if word not in _ARTICLES]
        if any(word in _WATERS for word in before):
            return False
        if plain and plain[0] in ("dans", "en"):
            return True
        if plain and plain[0] in _OF and len(plain) > 1 and plain[1] in _OF_DEPARTEMENT:
            return True
        return parts[0] not in _RIVERS and bool(before) and before[0] in (_ARTICLES | _OF | {"en"})

    def _one_of(self, communes: list[_Entry], named: set[str]) -> _Entry | None:
        here = [entry for entry in communes if entry.territory_code in named]
        if here:
            return max(here, key=lambda entry: entry.population)
        first, *others = sorted(communes, key=lambda entry: -entry.population)
        if not others or first.population >= _FAR_GREATER * others[0].population:
            return first
        return None
