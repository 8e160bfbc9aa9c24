"""The folded words that redaction looks up, with their possible kinds."""

import re
import unicodedata
from enum import IntFlag, auto
from functools import cache, lru_cache
from pathlib import Path

_WORDS = Path(__file__).parent / "words"
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "’": "'"})


class Kind(IntFlag):
    """What a word may be; most words are several things or none."""

    CIVILITY = auto()  # Monsieur, Mme
    RANK = auto()  # adjudant, capitaine
    OFFICE = auto()  # maire, conseillère: a name may follow, a description follows more often
    RELATION = auto()  # fils, voisine
    CALLING = auto()  # je m'appelle, nommé
    LABEL = auto()  # nom :, signé :
    CLOSING = auto()  # cordialement, merci
    FIRST_NAME = auto()  # usual in France
    FOREIGN_FIRST_NAME = auto()
    SURNAME = auto()
    FREQUENT_SURNAME = auto()
    COMMON = auto()  # a word of the language
    PARTICLE = auto()  # de, von, El
    FOREIGN_PARTICLE = auto()
    WAY = auto()  # rue, lycée: what bears somebody's name
    SAINT = auto()
    INSTITUTION = auto()  # Perceval, Orange: never a person
    COMMUNE = auto()
    TOWN = auto()  # a commune of 8 000 inhabitants or more, more often meant than a person of that name
    QUALIFIER = auto()  # chef, adjoint: may stand between a rank and a name
    CAPITALISED = auto()
    UPPER = auto()
    ELIDED = auto()  # d', l', O'
    ADDRESS = auto()  # rue, bd: may begin a postal address
    DWELLING = auto()  # habite, domicilié
    BIRTH = auto()  # né, naissance
    HANDLE = auto()  # pseudo, compte: may announce a pseudonym
    INITIAL = auto()  # H. before a surname
    CONTEXT = auto()  # contre, avec: a surname alone may follow


def fold(word: str) -> str:
    """Return a word in lower case without accents; its hyphens and apostrophes stay."""
    lowered = word.lower().translate(_LIGATURES)
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list that is written as one text."""
    return frozenset(words.split())


CIVILITIES = word_set(
    "m mr mrs ms mme mmes mm mlle mlles melle me dr pr monsieur messieurs madame mesdames mademoiselle"
    " mesdemoiselles maitre docteur docteure dre professeur"
)

RANKS = word_set(
    "adjudant adjudante adjudant-chef adjudante-chef adj adc major lieutenant lieutenante lieutenant-colonel"
    " lieutenante-colonelle ltn lcl sous-lieutenant colonel colonelle col capitaine cne commandant commandante cdt"
    " general generale marechal marechale mdl mdc mdl-chef mdlc marechal-des-logis marechal-des-logis-chef"
    " brigadier brigadiere brigadier-chef brigadiere-chef sergent sergente sergent-chef caporal caporale"
    " caporal-chef gendarme gnd gav eleve-gendarme inspecteur inspectrice commissaire chef logis"
    " gendarmes adjudants brigadiers lieutenants capitaines commandants officier officiere officiers sous-officier"
    " gardien gardienne opj apj apja sgt sgc adjt lt ltt gal cnl brig bgd"
)

#: What a rank may be followed by before the name.
QUALIFIERS = word_set(
    "chef cheffe logis-chef traitant adjoint adjointe volontaire principal principale des logis colonel major"
    " chef-adjoint"
)

OFFICES = word_set(
    "agent agente policier policiere conseiller conseillere operateur operatrice interlocuteur interlocutrice"
    " avocat avocate juge procureur procureure substitut greffier greffiere notaire huissier maire prefet prefete"
    " president presidente directeur directrice inspecteur medecin infirmier infirmiere psychologue intervenante"
    " assistante assistant secretaire referent referente correspondant correspondante technicien technicienne"
    " facteur factrice depute deputee senateur senatrice ministre enqueteur enquetrice militaire reserviste"
    " stagiaire responsable veuve vve veuf agents policiers policieres militaires conseillers conseilleres kine"
    " dentiste instituteur institutrice proviseur proviseure abbe pasteur imam educateur educatrice animateur"
    " animatrice formateur formatrice pharmacien pharmacienne caissier caissiere chauffeur livreur livreuse moniteur"
    " monitrice surveillant surveillante guichetier guichetiere receptionniste hotesse standardiste"
)

RELATIONS = word_set(
    "fils fille fillette mari femme epoux epouse conjoint conjointe compagnon compagne concubin concubine frere"
    " soeur mere pere papa maman grand-mere grand-pere mamie papi papy tante oncle cousin cousine neveu niece"
    " beau-frere belle-soeur beau-pere belle-mere gendre bru voisin voisine voisins ami amie copain copine"
    " collegue ex ex-mari ex-femme ex-compagnon ex-compagne ex-conjoint ex-conjointe patron patronne locataire"
    " proprietaire vendeur vendeuse acheteur acheteuse bebe enfant enfants famille certain certaine sieur dame"
    " contre tonton tata tatie pote poto potes mec meuf parrain marraine copains copines collegues couple cousins"
    " fiance fiancee frangin frangine demi-frere demi-soeur beau-fils belle-fille petit-fils petite-fille prof coach"
    " entraineur logeur bailleur gardien gardienne concierge cure pere petit petite ep"
    " prenomme prenommee individu tutrice tuteur filleul filleule nee nounou jumeaux jumelles"
)

CALLINGS = word_set(
    "appelle appelles appeler appelait nomme nommee nommes nommees nommer nommant nommait denomme denommee denommer"
    " surnomme surnommee intitule prenomme prenommee prenommant prenommer mappelle mapelle jmappelle jmapelle apelle"
    " soussigne soussignee soussignes"
)

LABELS = word_set(
    "nom noms prenom prenoms patronyme signe signee signes signature identite victime plaignant plaignante"
    " titulaire demandeur demandeuse expediteur expeditrice destinataire auteur interlocuteur interlocutrice"
    " client cliente patient patiente locataire proprietaire gerant gerante referent referente conducteur conductrice"
    " assure assuree salarie salariee eleve adherent adherente suspect suspecte enqueteur enquetrice suivi"
    " responsable parent tuteur"
    " contact usager beneficiaire declarant declarante requerant requerante temoin nom-prenom"
)

#: Words after which a known surname with a capital is a person.
CONTEXTS = word_set("contre avec chez par apres selon est ex vu contacter contactez appeler voir demander dossier eu")

#: Words that `à` links to a person: merci à, j'ai parlé à.
ADDRESSED = word_set(
    "merci mercis bravo parle parler demande demander dit dire remercie dites felicitations remerciements grace chapeau"
)

CLOSINGS = word_set(
    "hello coucou cher chere avance journee soiree reception distinguees bientot amities bises"
    " cordialement salutations sincerement remerciements merci respectueusement amicalement bonjour bonsoir salut"
    " allo cdt cdlt vous"
)

PARTICLES = word_set("de du des la le les d l")
FOREIGN_PARTICLES = word_set(
    "van von der den ter ten vander ben bin ibn ait abd abu abou el al ould mc mac o da do dos di del della lo"
    " las los san santa y e mohand bou bel sidi haj saint st"
)

WAYS = word_set(
    "rue rues avenue avenues av ave boulevard boulevards bd bld blvd place pl quai quais cours square impasse"
    " allee allees chemin route rte passage sentier ruelle villa cite residence residences lotissement lot hameau"
    " faubourg fg esplanade promenade rond-point voie traverse montee cote clos parvis venelle mail chaussee"
    " domaine galerie cour rampe levee sente zone za zi zac pont tunnel viaduc port parc jardin jardins stade"
    " charte label ferry paquebot navire fregate voilier chalutier statue challenge defi"
    " gymnase piscine college lycee ecole maternelle universite campus faculte fac institut hopital clinique chu"
    " ehpad polyclinique maison centre espace salle theatre cinema musee mediatheque bibliotheque caserne quartier"
    " gare station metro arret aeroport rotonde foyer fondation prix promotion prom tour fort citadelle chateau"
    " abbaye eglise chapelle cathedrale basilique paroisse complexe auditorium amphitheatre plage ile lac mont col"
    " porte immeuble batiment bat halle marche creche association cabinet groupe societe magasin boutique loi plan"
    " operation affaire ouragan tempete cyclone parking amphi conservatoire internat halte arena"
)
ADDRESS_WORDS = word_set(
    "rue rues r avenue avenues av ave boulevard boulevards bd blvd bld bvd boul impasse imp allee allees all chemin"
    " chemins chem ch che route routes rte place pl quai quais cours square squares sq passage pass sentier sente"
    " ruelle villa cite cites residence residences res lotissement lot hameau lieu lieu-dit lieudit faubourg fbg"
    " fg esplanade promenade rond rond-point voie traverse montee cote clos parvis venelle mail chaussee domaine"
    " cour rampe levee zone za zac zi mas dreve ronde grand grande petite vieille ancienne haute basse grand-rue"
)
DWELLINGS = word_set(
    "habite habites habitons habitez habitent habitait habitant habitais demeure demeurant demeurait domicilie"
    " domiciliee domicilies reside residant residait loge logee logeant adresse domicile vis vit"
)
BIRTHS = word_set(
    "ne nee nes nees nait naquit naissance naissances naiss ddn dn dob d anniversaire anniversaires anniv born birth"
    " birthday ans"
)
HANDLES = word_set(
    "pseudo pseudos pseudonyme pseudonymes nickname nicknames nick username user login alias identifiant"
    " identifiants nom gamertag surnom surnoms surnomme surnommee sobriquet blaze handle compte comptes profil"
    " utilisateur utilisatrice internaute joueur joueuse gamer vendeur vendeuse acheteur acheteuse nomme nommee"
    " appele appelee appelle appeler appellent connu connue contact membre streamer streameur streameuse youtubeur"
    " youtubeuse tiktokeur tiktokeuse influenceur influenceuse chaine page id instagram insta ig snapchat snap"
    " tiktok tik twitter discord telegram facebook fb messenger twitch steam psn playstation xbox skype youtube"
    " leboncoin vinted whatsapp wechat signal threema wickr jabber reddit mastodon bluesky threads linkedin tinder"
    " badoo meetic grindr onlyfans mym roblox fortnite minecraft x"
)
#: Ways that are common words as well, by the word before them: sur place, en cours.
PHRASE_WAYS = word_set("place cours route voie port quai cour gare arret")
NOT_A_WAY_AFTER = word_set("sur en au mise mettre prendre pris prend ma sa ta notre votre leur")

SAINTS = word_set("saint sainte saints saintes st ste sts notre-dame san santa")

INSTITUTIONS = word_set(
    "perceval pharos thesee services-publics services-publics-plus franceconnect ants doctolib laposte orange sfr"
    " bouygues free sosh red leboncoin vinted amazon google facebook insta snap fb psn messenger instagram"
    " whatsapp snapchat tiktok twitter telegram signal discord youtube linkedin paypal netflix microsoft windows"
    " apple iphone samsung android chrome safari firefox edge outlook gmail hotmail yahoo airbnb booking blablacar"
    " uber deliveroo ebay aliexpress temu shein wish fnac darty cdiscount carrefour leclerc auchan lidl"
    " intermarche decathlon ikea boulanger enedis edf engie veolia sncf ratp ameli cpam caf urssaf pajemploi cesu"
    " chronopost colissimo mondial ups dhl dpd gls fedex boursorama bnp paribas lcl cic hsbc ing revolut n26 qonto"
    " nickel lydia paylib visa mastercard amex binance coinbase bitcoin gendarmerie police samu sdis pompiers cnil"
    " arcom anssi dgccrf dgfip dgsi ofac ofmin ocpp interpol europol parquet cybermalveillance cyber 17cyber"
    " magendarmerie moncommissariat masecurite visibrain talkwalker partoo easiware service-public washington interieur"
    " beauvau matignon elysee bercy europe france republique gouvernement pole covid paques pentecote internet web"
    " wifi sms mms svp tel mail email ok vtc hlm chu ehpad bts rsa aah apl gps usb pdf iban rib siret siren tva pv"
    " ctp cni smartphone phishing smishing spam vigicrues meteo-france meteofrance sante anct insee mairie"
    " prefecture spplus sp+ jdma ias bal igpn iggn sig dgs ars xynthia tchat merci bonjour bonsoir madame monsieur"
    " messieurs mesdames mademoiselle cdt cdlt linky navigo vitale crit'air critair peugeot renault citroen dacia"
    " toyota volkswagen audi bmw mercedes ford fiat nissan opel skoda seat hyundai kia tesla volvo yamaha honda"
    " kawasaki suzuki ducati playstation xbox nintendo steam fortnite roblox minecraft lego disney spotify deezer"
    " canal tf1 bfm bfmtv cnews rtl rmc afp qr-code idnum id.num franceidentite france-identite acyma e-enfance"
    " addictions cyber-malveillance agirc arrco agirc-arrco carsat malakoff mederic humanis ag2r klesia msa cnav"
    " anydesk teamviewer sephora thiriet siri sandro maje zara mango celio kiabi"
    " mdph mgen macif maif matmut groupama axa harmonie cmi rqth aah urgences dreal ddtm crous"
)

#: Domain and everyday words that the general word list lacks.
_MORE_COMMON = word_set(
    "y m s t d l n j c a o internet phishing spam smishing cyber mail mails email emails sms tchat svp ok"
    " tutoriel smartphone wifi web mdp stp qq qqun qqch bcp tjrs tjs pb pbs rdv rdvs tel num ref cf etc cad ex pj"
    " ras lol mdr bjr bsr slt ptdr dsl pcq pk pr ds ns vs tt ts tte ttes qd tps msg gav opj apj pv cni ctg cdt"
    " cordt cdlt trs tres teleservice teleprocedure visioplainte pre-plainte preplainte cyberattaque"
    " cyberharcelement hameconnage rancongiciel piratee pirate usurpation geolocalisation dematerialisation"
    " dematerialise chatbot faq hotline captcha url app apps appli applis android bug bugs bugue cb rib iban rgpd"
    " covid selfie hashtag influenceur influenceuse streaming login toussaint ascension assomption plateforme"
    " plateformes ergonomique intuitif intuitive inutilisable injoignable bienveillant bienveillante"
    " quelqu lorsqu puisqu jusqu presqu quoiqu luis remi jai jsuis jvous cest sest nest navez javais jetais jaimerais"
    " typologie typologies author user followers verified valid until"
    " jattends quil quelle lon dun tai nai mavez"
)

#: Not a name whatever the capital: formulas and offices.
NOT_NAMES = word_set(
    "maire prefet prefete sous-prefet president presidente directeur directrice procureur procureure juge"
    " ministre commandant commandante colonel capitaine lieutenant adjudant adjudante gendarme gendarmes major"
    " general chef agent operateur operatrice conseiller conseillere policier inspecteur commissaire responsable"
    " madame monsieur mesdames messieurs mademoiselle bonjour bonsoir merci brigade compagnie groupement peloton"
    " gendarmerie police commissariat tribunal service services nationale national departementale departemental"
    " tout le la les tous toutes un une x y z mr mme mlle et ou je il elle nous vous ils elles on ce cette qui que"
    " quoi lambda personne delegue deleguee logis consul consule ambassadeur ambassadrice"
)

#: First names that are words too: with a capital they name somebody, in lower case they do not.
CAPITAL_TELLS = word_set(
    "angelique auguste benjamin brandon charlotte clemence clement clementine elise germain germaine jean lise"
    " madeleine manuel marc maria marie marina martial maxime olivier oscar pascal peter pierre regis richard"
    " romain serge aida colin aurore mina maya celeste cheikh luis remi"
)
#: Further ones that need an introducer, even with a capital.
INTRODUCED_ONLY = word_set(
    "claire rose violette iris jade flore honore victoire melodie noel aimee lorraine aurore constance"
)

#: First names that are places or things more often.
_PLACES_FIRST = word_set("nancy antony charly alan murat brandon milan florence asia paris albanie")


#: Départements, regions and countries of France, where these are no first name and mostly no surname.
_REGIONS = word_set(
    "aisne allier ardeche ardennes ariege aveyron calvados cantal charente correze creuse dordogne doubs drome"
    " eure finistere gard gers gironde herault indre isere jura landes loiret lozere manche marne mayenne meuse"
    " morbihan moselle nievre oise orne rhone sarthe savoie seine somme tarn vaucluse vendee vienne vosges yonne"
    " essonne yvelines guadeloupe martinique guyane mayotte reunion occitanie normandie alsace auvergne aquitaine"
    " limousin languedoc roussillon provence camargue cevennes perigord quercy morvan thierache sambre corbieres"
    " mediterranee narbonnais ventoux cornouaille cornouailles vercors luberon queyras sologne caledonie polynesie"
    " atlantique pyrenees"
)

#: Words that differ from a first name by an accent only.
_TOLD_BY_ACCENT = frozenset({"marié"})

#: Two words without the line end that an export lost: MaireJe, C.R.HAccord.
_GLUED = re.compile(r"(?P<head>[A-Z]|.{3,}[a-zà-ÿ])(?P<tail>[A-ZÀ-Þ][a-zà-ÿ]*)")

#: First names that any other word may double: Marie-Ange.
_DOUBLED = word_set("jean marie anne pierre paul")


def _read(name: str) -> frozenset[str]:
    return frozenset((_WORDS / name).read_text(encoding="utf-8").split("\n")) - {""}


@cache
def _kinds() -> dict[str, Kind]:
    """Return every known word, folded, with its kinds; read once, when the first text is redacted."""
    kinds: dict[str, Kind] = {}
    for words, kind in (
        (CIVILITIES, Kind.CIVILITY),
        (RANKS, Kind.RANK),
        (QUALIFIERS, Kind.QUALIFIER),
        (OFFICES, Kind.OFFICE),
        (RELATIONS, Kind.RELATION),
        (CALLINGS, Kind.CALLING),
        (LABELS, Kind.LABEL),
        (CLOSINGS, Kind.CLOSING),
        (PARTICLES, Kind.PARTICLE),
        (FOREIGN_PARTICLES, Kind.FOREIGN_PARTICLE),
        (WAYS, Kind.WAY),
        (SAINTS, Kind.SAINT),
        (ADDRESS_WORDS, Kind.ADDRESS),
        (DWELLINGS, Kind.DWELLING),
        (BIRTHS, Kind.BIRTH),
        (HANDLES, Kind.HANDLE),
        (CONTEXTS | ADDRESSED | {"part", "attention"}, Kind.CONTEXT),
        (INSTITUTIONS | NOT_NAMES, Kind.INSTITUTION),
        (_MORE_COMMON | _read("common_words.txt"), Kind.COMMON),
        (_read("first_names.txt") - _PLACES_FIRST, Kind.FIRST_NAME),
        (_read("foreign_first_names.txt") | _PLACES_FIRST, Kind.FOREIGN_FIRST_NAME),
        (_read("surnames.txt"), Kind.SURNAME),
        (_read("frequent_surnames.txt"), Kind.FREQUENT_SURNAME | Kind.SURNAME),
        (_PLACES_FIRST | _REGIONS, Kind.COMMUNE | Kind.TOWN),
        (_read("towns.txt"), Kind.TOWN),
        (frozenset(commune for commune in communes() if " " not in commune), Kind.COMMUNE),
    ):
        for word in words:
            kinds[word] = kinds.get(word, Kind(0)) | kind
    return kinds


@cache
def communes() -> frozenset[str]:
    """Return the names of the communes of France, folded, with spaces for hyphens and apostrophes."""
    return _read("communes.txt")


@cache
def famous_names() -> frozenset[str]:
    """Return the names of persons after whom places, ships and firms are called, folded, with spaces for hyphens."""
    return _read("famous_names.txt")


@cache
def territories() -> frozenset[str]:
    """Return the names of countries and territories in French and English, folded, words parted by spaces."""
    return _read("territories.txt")


@lru_cache(maxsize=1 << 16)
def look_up(token: str) -> tuple[str, int]:
    """Return the folded word and its kinds, for a word as it is written (`Jean-Pierre`, `DURAND`).

    A plain integer, because operations on an `IntFlag` cost ten times as much.
    """
    key = fold(token)
    kinds = _kinds()
    found = int(kinds.get(key, 0))
    if not found and "-" in key:
        parts = [int(kinds.get(part, 0)) for part in key.split("-")]
        if parts[0] & Kind.SAINT or key.replace("-", " ") in communes():
            found = int(Kind.COMMUNE | Kind.TOWN)
        elif (key.partition("-")[0] in _DOUBLED and key.count("-") == 1) or all(
            part & (Kind.FIRST_NAME | Kind.FOREIGN_FIRST_NAME) or (index and len(letters) == 1)
            for index, (part, letters) in enumerate(zip(parts, key.split("-"), strict=True))
        ):
            found = int(Kind.FIRST_NAME)
        elif all(part & Kind.SURNAME for part in parts):
            found = int(Kind.SURNAME)
        elif all(part & (Kind.COMMON | Kind.INSTITUTION) for part in parts):
            found = int(Kind.COMMON)
    if token.lower() in _TOLD_BY_ACCENT or (not found and _is_glued(token)):
        found = int(Kind.COMMON)
    if token[0].isupper():
        found |= int(Kind.CAPITALISED | Kind.INITIAL if len(token) == 1 else Kind.CAPITALISED)
        if len(token) > 1 and token.isupper():
            found |= int(Kind.UPPER)
    return key, found


def _is_glued(token: str) -> bool:
    """Return whether a word is an office or a word of the language, and no name, that another one sticks to."""
    glued = _GLUED.fullmatch(token)
    if not glued:
        return False
    deciding = glued["tail"] if len(glued["head"]) == 1 else glued["head"]
    kinds = _kinds().get(fold(deciding), Kind(0))
    return bool(kinds & Kind.OFFICE or (kinds & Kind.COMMON and not kinds & (Kind.FIRST_NAME | Kind.SURNAME)))
