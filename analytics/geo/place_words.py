"""French word lists from which `geoparsing` decides whether a name is a place."""

from privacy.vocabulary import word_set

SMALL_WORDS = word_set("le la les l d de du des en sur sous et a au aux lez les pres devant")
ARTICLES = word_set("le la les l")
ABBREVIATED = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}
MERGED = {"au": "le", "du": "le", "aux": "les", "des": "les"}

#: After these a name is a place. `de` and `d` count only after a noun of `PLACED`.
AT = word_set("a au aux vers sur depuis dans entre jusqu en via rejoindre quitter traversant quittant")
OF = word_set("de d du des")
PLACED = word_set(
    "gendarmes gendarme gendarmerie brigade compagnie peloton groupement psig policiers police commissariat pompiers"
    " maire mairie ville villes village commune communes bourg agglomeration agglo metropole communaute centre entree"
    " sortie gare ecole ecoles college lycee hopital chu clinique urgences habitants habitante habitant riverains"
    " nord sud est ouest region regions environs alentours peripherie port plage foret marche tribunal"
    " parquet procureur"
    " prefecture prefet prefete sous-prefecture secteur zone vallee pays bassin quartier hauteurs rocade pont digue"
    " caserne zoo stade aeroport universite fac campus prison station secteurs canton arrondissement pres proche autour"
    " loin aupres hauteur pourtour cote coeur direction provenance commerces commercants parc caserne mosquee eglise"
    " cathedrale halles rues chateau centre-ville sdis samu municipalite bords large km kilometres minutes originaire"
    " brigades parents eleves agriculteurs vignoble citadelle tour maisons lotissement zac parking barrage marche"
)
OF_DEPARTEMENT = word_set(
    "departement departements prefet prefete prefecture groupement gendarmes gendarmerie pompiers sdis habitants"
    " conseil nord sud est ouest communes maires villages samu region cote littoral agriculteurs policiers centre"
    " coeur dasen rectorat academie chambre ars coderst securite tribunal routes"
)
WATERS = word_set(
    "crue crues riviere fleuve bord bords rive rives berge berges quai quais niveau debit lit vallee pont embouchure"
    " deborde debordent lit kayak kayakistes peche pecheurs polluee pollue"
    " debordement affluent cours eaux eau source sources estuaire bassin decrue pic canal montee traverser longer"
)
DROWNED = word_set("noyade noye noyee tombe tombee tomber plonge plonger baignade repeche repechee sauter jete jetee")
STREETS = word_set(
    "rue r avenue av ave boulevard bd bld bvd impasse allee cours faubourg fbg porte esplanade square place route quai"
    " passage chemin villa residence lycee college ecole stade"
)
STREETS_ONLY = STREETS - word_set("lycee college ecole stade chemin passage villa")
#: Behind these, or around them, the name is that of a thing.
NOT_AFTER = word_set(
    "savon saucisson jambon moutarde piment olympique om ol psg fc as us rc stade girondins accord accords traite"
    " convention serment edit conference comte duc duchesse roi reine tour miel camembert beurre vin vins eau calisson"
    " nougat chez reseau box livebox abonne abonnee abonnes client cliente clients facture forfait operateur fibre"
    " groupe marque societe entreprise vigilance alerte niveau feu carte banque nougats bleu betise betises"
    " saucisse lieutenant capitaine adjudant adjudante commandant major sergent marechal colonel general"
    " juge agent famille"
    " professeur president presidente ministre exposition"
    " bergamote pruneau pruneaux mademoiselle mr monsieur madame mme mlle dr docteur me maitre tarte quiche"
)
SAID_OF_COMPANIES = word_set("abonne abonnee abonnes client cliente clients operateur forfait box livebox fibre")
NOT_BEFORE = {
    "paris": word_set("saint sg sportifs sportif hippiques match"),
    "nice": word_set("to try job one guy"),
    "orange": word_set("bank money cyberdefense business pro sanguine pressee mecanique fibre box amere"),
    "bordeaux": word_set("superieur"),
    "tours": word_set("de"),
}
ABROAD = word_set(
    "autriche espagne italie belgique suisse allemagne canada quebec texas usa bresil portugal maroc algerie tunisie"
    " angleterre luxembourg senegal pologne australie ontario louisiane ohio illinois floride californie roumanie"
    " bielorussie andalousie irak syrie cuba mexique argentine chili"
    " etats-unis royaume-uni irlande ecosse grece turquie"
)
#: Longer names that hold the name of a place of France and are none.
OTHERS = (
    "grande bretagne", "nouvelle orleans", "new york", "accords de paris", "notre dame de paris", "paris saint germain",
    "tour de france", "gare de lyon", "gare de l est", "gare du nord", "gare d austerlitz", "coupe du monde",
    "la defense nationale", "le monde", "le point", "le parisien", "ouest france", "sud ouest", "la provence",
    "nord de la france", "sud de la france", "pole nord", "amerique du nord", "coree du nord", "mer du nord",
    "golfe de gascogne", "saint gobain", "saint valentin", "saint sylvestre", "saint nicolas", "saint jean",
    "saint michel", "sainte barbe", "sainte genevieve", "ile maurice", "champs elysees", "point du jour",
    "bourgogne aligote", "cyrano de bergerac", "strasbourg saint denis", "paris nice", "paris roubaix", "paris brest",
    "paris dakar", "toulouse lautrec", "ete de la saint martin", "nice matin", "midi libre", "paris normandie",
    "journal de saone et loire", "voix du nord", "la depeche du midi", "cote d azur", "cote d ivoire", "paris match",
    "le progres de lyon", "traversee de la manche", "tunnel sous la manche", "jeux de paris", "grand paris",
)  # fmt: skip
ALIASES = {
    "paca": "FR-PAC", "idf": "FR-IDF", "ile de france": "FR-IDF", "bourgogne": "FR-BFC", "franche comte": "FR-BFC",
    "nouvelle caledonie": "FR-NC", "polynesie": "FR-PF", "polynesie francaise": "FR-PF", "neuf trois": "FR-93",
    "corse": "FR-COR", "reunion": "FR-974", "pays basque": "FR-64", "alsace": "FR-GES", "aquitaine": "FR-NAQ",
}  # fmt: skip
#: How towns are called, and their names.
SHORT_NAMES = {
    "brive": "brive la gaillarde", "cherbourg": "cherbourg en cotentin", "digne": "digne les bains", "bdx": "bordeaux",
    "clermont fd": "clermont ferrand", "st barth": "saint barthelemy",
    "chalons": "chalons en champagne",
}  # fmt: skip
#: Where one of these is said, a town that nothing locates is a club.
SPORTS = word_set(
    "match matchs championnat ligue mercato penalty but buts gardien supporter supporters supporte victoire defaite"
    " essai essais score billetterie maillot joueur joueurs entraineur coupe finale football foot rugby sco"
)
MONTHS = word_set(
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre janv fevr sept oct nov dec"
)
IN = word_set("dans en a sur")
ISLANDS = ("FR-75C", "FR-974", "FR-976", "FR-972", "FR-971", "FR-973")
SEAS_AND_POINTS = ("nord", "manche")
#: What is counted, or numbered: before these a number is none of a département.
COUNTED = word_set(
    "euros euro ans an h heures minutes min km kmh m metres tonnes fois jours mois pour rue avenue boulevard bis ter"
    " personnes blesses morts pompiers gendarmes policiers vehicules eme e er degres litres kg cm hectares"
)
#: Single words that a commune's size does not make a place of.
TREACHEROUS = word_set(
    "orange nice tours sens lens vienne die bar gap vitre cluses vire dole foix lourdes laval limoux condom melle"
    " fils pont port bonne blanc bourg grasse cher saint roissy pau vif allonnes trets tulle mende aime bron bruges"
    " valence valencia firmin allure colombes massy poissy creil sète sete meaux riom auch dax aix noyon"
)
BRANDS = word_set("orange free bouygues")
WELL_KNOWN = word_set("nice tours lens vienne laval grasse dax auch meaux pau sete valence massy poissy creil colombes")
RIVERS = word_set(
    "loire seine marne rhone nord manche somme oise aisne orne vienne cher lot var ain allier indre creuse eure drome"
    " isere tarn aude gard moselle meuse vosges jura charente dordogne correze ardeche ariege aveyron herault sarthe"
    " mayenne yonne nievre doubs vendee gers landes aube essonne savoie ardennes vaucluse loiret"
)
