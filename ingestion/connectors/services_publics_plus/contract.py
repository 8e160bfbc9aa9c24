"""Contract of Services Publics+: experiences, structures, quality results."""

from decimal import Decimal

from ingestion.engine.contract import (
    GENERATION,
    UNKNOWN_COLUMNS,
    Dropped,
    Field,
    Generation,
    NotAfterLoad,
    RejectedError,
    Row,
    Table,
)
from ingestion.engine.parsers import (
    choice,
    code,
    count,
    day,
    decimal_number,
    departement_code,
    free_text,
    insee_code,
    local_time,
    postal_code,
    published,
    redacted_text,
    region_code,
)

feeling = choice({"Positif": ("Positive",), "Neutre": (), "Négatif": ("Negatif", "Négative")})
yes_or_no = choice({"Oui": ("true", "1"), "Non": ("false", "0")})


def _postal_codes_of_france(row: Row) -> Row:
    """Repair the postal codes of France and leave out those of other countries, which mean something else there.

    Raises:
        RejectedError: a postal code of France has not the shape of one.
    """
    for name, country in _POSTAL_CODES.items():
        value = row.get(name)
        if value is None:
            continue
        if row.get(country) not in {None, "France"}:
            row[name] = None
            continue
        try:
            row[name] = postal_code(value)
        except ValueError as problem:
            raise RejectedError(name, str(problem), value) from None
    return row


_POSTAL_CODES = {"code_postal_usager": "pays"} | {
    f"code_postal_typologie_{slot}": f"pays_typologie_{slot}" for slot in (1, 2, 3)
}


def quality_value(value: str) -> Decimal:
    """Return the value of a result; a percent sign after it is the unit of the indicator, and left out.

    Raises:
        ValueError: it is not a number.
    """
    return decimal_number(value.removesuffix("%").rstrip())


def _slots() -> tuple[Field, ...]:
    """Return the fields of the up to three structures that an experience names."""
    fields: list[Field] = []
    for slot, older in ((1, ("typologies",)), (2, ()), (3, ())):
        fields += [
            Field(
                f"typologie_{slot}",
                f"Kind of structure {slot}, such as 'Brigade de gendarmerie'.",
                (f"Intitulé Typologie {slot}", f"intitulé_typologie_{slot}", *older),
            ),
            Field(
                f"code_postal_typologie_{slot}",
                f"Postal code of structure {slot}, in France only.",
                (f"Code Postal typologie {slot}",),
                code,
            ),
            Field(f"pays_typologie_{slot}", f"Country of structure {slot}.", (f"Pays Typologie {slot}",)),
            Field(
                f"canaux_typologie_{slot}",
                f"Channels used with structure {slot}, separated by commas.",
                (f"Canaux Typologie {slot}",),
            ),
            Field(
                f"id_structure_{slot}", f"Services Publics+ code of structure {slot}.", (f"ID structure {slot}",), code
            ),
            Field(
                f"intitule_structure_{slot}",
                f"Name of structure {slot}, redacted.",
                (f"Intitulé structure {slot}", *(("structure",) if slot == 1 else ())),
                redacted_text,
            ),
            Field(
                f"reponse_structure_{slot}",
                f"Answer of structure {slot}, redacted: agents sign, and repeat what users wrote.",
                (
                    f"Réponse structure {slot}",
                    f"Réponse de la structure {slot}",
                    *(("réponses", "Réponse de la structure") if slot == 1 else ()),
                ),
                free_text,
            ),
        ]
    return tuple(fields)


def _theme(name: str, label: str, older: str) -> Field:
    return Field(name, f"Feeling about the theme '{label}'; empty when the user gave none.", (label, older), feeling)


EXPERIENCES = Table(
    name="experiences",
    key="id_experience",
    description="An experience written by a user of a public service, moderated and published by Services Publics+.",
    fields=(
        Field(
            "id_experience",
            "Identifier of the experience.",
            ("ID expérience", "id"),
            code,
            required=True,
            nullable=False,
        ),
        Field(
            "etat_experience",
            "State of its treatment: 'Traitée' or 'A traiter'.",
            ("Etat expérience", "etat_de_lexpérience"),
            choice({"Traitée": ("Traitées", "Traité", "Traités"), "A traiter": ()}),
        ),
        Field(
            "statut_experience",
            "Whether the structure has answered.",
            ("Statut de l'expérience", "statut_de_lexpérience"),
            choice(
                {
                    "Expérience avec réponse": ("Avec réponse",),
                    "Expérience en attente de réponse": (
                        "En attente de réponse",
                        "Sans réponse",
                        "Expérience sans réponse",
                    ),
                }
            ),
        ),
        Field(
            "ecrit_le",
            "When the user wrote it, local time of Paris, ISO 8601.",
            ("écrit_le", "Date d'envoi"),
            local_time,
        ),
        Field(
            "date_de_publication",
            "When it was published, local time of Paris, ISO 8601.",
            ("Date de publication",),
            local_time,
            required=True,
            nullable=False,
        ),
        Field(
            "date_de_premiere_reponse",
            "When a structure first answered, local time of Paris, ISO 8601; absent from export_2023.",
            ("date_de_premiere_réponse", "date_de_1ere_réponse", "Date de première réponse"),
            local_time,
        ),
        Field("titre", "Title that the user gave, redacted.", ("Titre",), free_text),
        Field("description", "What the user writes, redacted.", ("Description",), free_text),
        Field("poste_comme", "Who wrote: the person concerned, a relative, a mediator.", ("Posté comme",)),
        Field("ressenti_usager", "Feeling of the user.", ("Ressenti usager",), feeling, required=True, nullable=False),
        Field(
            "code_departement_usager",
            "INSEE code of the user's département ('06', '2A', '971').",
            ("Code INSEE Département usager",),
            departement_code,
        ),
        Field("intitule_departement_usager", "Name of the user's département.", ("Intitulé département usager",)),
        Field(
            "code_region_usager", "INSEE code of the user's region ('11').", ("Code INSEE Région usager",), region_code
        ),
        Field("intitule_region_usager", "Name of the user's region.", ("Intitulé région usager",)),
        Field("code_postal_usager", "Postal code of the user, in France only.", ("code_postaux",), code),
        Field("pays", "Country of the user.", ("Pays usager",)),
        *_slots(),
        Field(
            "hors_structure",
            "'Oui' when no structure of the repository was named.",
            ("expérience_hors_structure",),
            yes_or_no,
        ),
        Field(
            "reponse_utile_visiteurs",
            "Visitors who found the answer useful.",
            ("Evaluation utile réponse structure 1 par visiteurs", "réponse_utile"),
            count,
            "bigint",
        ),
        Field(
            "reponse_inutile_visiteurs",
            "Visitors who did not find the answer useful.",
            ("Evaluation inutile réponse structure 1 par visiteurs", "réponse_pas_utile"),
            count,
            "bigint",
        ),
        Field(
            "evaluation_reponse_auteur",
            "What the author thinks of the answer: 'utile' or 'pas utile'.",
            ("Evaluation réponse structure 1 par auteur", "evaluation_par_lauteur"),
            choice({"utile": (), "pas utile": ()}),
        ),
        _theme("accessibilite", "Accessibilité", "tags_généraux_accessibilité"),
        _theme("information_explication", "Information/Explication", "tags_généraux_informationexplication"),
        _theme("relation", "Relation", "tags_généraux_relation"),
        _theme("reactivite", "Réactivité", "tags_généraux_réactivité"),
        _theme("simplicite_complexite", "Simplicité/Complexité", "tags_généraux_simplicitécomplexité"),
        Field("experiences_similaires", "Number of similar experiences.", ("Expériences Similaires",), count, "bigint"),
        Field(
            "amelioration_a_considerer",
            "Whether the structure sees an improvement to consider.",
            ("Amélioration de service à considérer",),
            yes_or_no,
        ),
        Field(
            "action", "Action that the structure announces, without structured identifiers.", ("Action",), redacted_text
        ),
        Field("date_action_realisee", "When the action was done, ISO 8601.", ("Date action réalisée",), local_time),
        Field("date_action_engagee", "When the action was begun, ISO 8601.", ("Date action engagée",), local_time),
        Field("tags_metiers", "Business tags, separated by semicolons.", ("Tags Métiers",), redacted_text),
        Field("motif_de_rejet", "Why moderation refused it.", ("Motif de rejet",), redacted_text),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="date_de_publication",
    not_after_load=NotAfterLoad(("date_de_publication",)),
    any_of=(("etat_experience", "statut_experience"),),
    dropped=(
        Dropped(("pseudonyme_usager", "Pseudonyme"), "pseudonym of a person, which no figure needs"),
        Dropped(("commune_usager", "Commune"), "finer than any figure needs, and helps to recognise a person"),
        Dropped(("Clé de tracking",), "technical key of the platform, which no figure needs"),
        Dropped(("Statut réponse",), "moderation state of the answer, which no figure needs"),
        Dropped(("evaluation_du_ressenti_par_canal_de_contact",), "free structure without a documented meaning"),
    ),
    generations=(
        Generation("export_2023", ("ID expérience", "Etat expérience", "Statut de l'expérience")),
        Generation("csv_2022", ("etat_de_lexpérience", "intitulé_typologie_1", "date_de_premiere_réponse")),
        Generation("csv_2021", ("typologies", "structure", "code_postaux", "écrit_le", "date_de_1ere_réponse")),
        Generation("api", ("id_experience", "etat_experience", "statut_experience")),
    ),
    rule=_postal_codes_of_france,
)

STRUCTURES = Table(
    name="structures",
    key="code_structure",
    description="A structure of the Services Publics+ repository, such as a gendarmerie group of a département.",
    fields=(
        Field(
            "code_structure",
            "Services Publics+ code.",
            ("Code SP+ de la structure",),
            code,
            required=True,
            nullable=False,
        ),
        Field("intitule_reseau", "Network, such as 'Gendarmerie Nationale'.", ("Intitulé du réseau",)),
        Field("intitule_typologie", "Kind of structure.", ("Intitulé de la typologie",)),
        Field(
            "intitule_structure",
            "Official name, redacted.",
            ("Intitulé de la structure",),
            redacted_text,
            required=True,
            nullable=False,
        ),
        Field(
            "intitule_structure_usager", "Name shown to users, redacted.", ("Intitulé structure usager",), redacted_text
        ),
        Field("identifiant_structure", "Identifier in its own network.", ("Identifiant de la structure",), code),
        Field("type_identifiant", "Kind of that identifier.", ("Type d'identifiant",)),
        Field("code_structure_parent", "Code of the parent structure.", ("Code SP+ structure parent",), code),
        Field(
            "intitule_structure_parente",
            "Name of the parent structure, redacted.",
            ("Intitulé de la structure parente",),
            redacted_text,
        ),
        Field("adresse", "Public address of the structure.", ("Adresse",), published),
        Field("code_postal", "Postal code, five digits.", ("Code postal de la structure",), postal_code),
        Field("ville", "Town.", ("Ville",)),
        Field("pays", "Country.", ("PAYS",)),
        Field("url_site", "Public site.", ("URL du site internet",)),
        Field("actif", "'Oui' while the structure exists.", ("Actif",), yes_or_no),
        Field("code_typologie", "Services Publics+ code of the kind.", ("Code sp+ de la typologie",), code),
        Field("insee_commune", "INSEE code of the town ('37261').", ("INSEE Ville",), insee_code("com")),
        Field("insee_departement", "INSEE code of the département ('37').", ("INSEE Département",), insee_code("dep")),
        Field("insee_region", "INSEE code of the region ('24').", ("INSEE Région",), insee_code("reg")),
        Field("insee_arrondissement", "INSEE code of the district.", ("INSEE Arrondissement",), insee_code("arr")),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dropped=(
        Dropped(("Boîte à lettre fonctionnelle",), "mail address"),
        Dropped(("Description de la structure",), "advertising text of the structure, which no figure needs"),
        Dropped(("Compléments Adresse", "Codes Postaux", "Départements"), "empty or repeated elsewhere in the record"),
        Dropped(("Clé de tracking",), "technical key of the platform, which no figure needs"),
    ),
    generations=(Generation("export_2023", ("Code SP+ de la structure", "Intitulé du réseau")),),
)

#: The nine columns are those that the programme makes mandatory (§2.4) [CERTAIN as labels]; no real file was seen.
QUALITY_RESULTS = Table(
    name="quality_results",
    key="quality_result_id",
    key_parts=("code_structure", "code_indicateur", "date_mise_a_jour", "frequence"),
    description="A quality result that a structure publishes, such as its share of calls answered.",
    fields=(
        Field(
            "quality_result_id", "Structure, indicator, day and frequency, joined.", nullable=False, filled_by_load=True
        ),
        Field(
            "code_structure",
            "Services Publics+ code of the structure.",
            ("Code SP+ de la structure",),
            code,
            required=True,
            nullable=False,
        ),
        Field("intitule_typologie", "Kind of structure.", ("Intitulé de la typologie",)),
        Field(
            "intitule_structure",
            "Official name of the structure, redacted.",
            ("Intitulé de la structure",),
            redacted_text,
        ),
        Field("code_postal", "Postal code, five digits.", ("Code postal de la structure",), postal_code),
        Field("ville", "Town."),
        Field(
            "code_indicateur",
            "Services Publics+ code of the indicator.",
            ("Code SP+ de l'indicateur",),
            code,
            required=True,
            nullable=False,
        ),
        Field(
            "valeur",
            "Value, in the unit of the indicator; '87 %' is 87.",
            (),
            quality_value,
            "decimal",
            required=True,
        ),
        Field("frequence", "How often it is measured, such as 'Trimestrielle'.", ("Fréquence",)),
        Field(
            "date_mise_a_jour",
            "Day on which it was updated.",
            ("Date de mise à jour",),
            day,
            required=True,
            nullable=False,
        ),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    not_after_load=NotAfterLoad(("date_mise_a_jour",)),
    generations=(
        Generation("csv", ("Code SP+ de l'indicateur", "Date de mise à jour")),
        Generation("api", ("code_sp_de_l_indicateur", "date_de_mise_a_jour")),
    ),
)

CONTRACT = (EXPERIENCES, STRUCTURES, QUALITY_RESULTS)
