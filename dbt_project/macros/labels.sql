{# How a code is named for a French reader. What it stands for does not belong here. #}

{% macro team_label(owner) %}
    case {{ owner }}
        when 'team:brigade-numerique' then 'Brigade numérique'
        when 'team:communication' then 'Communication'
        when 'team:cyber' then 'Cyber'
        when 'team:donnees' then 'Données'
        when 'team:experience-usagers' then 'Expérience des usagers'
        when 'team:plateforme-donnees' then 'Plateforme de données'
        when 'team:prevention' then 'Prévention'
        when 'team:services-en-ligne' then 'Services en ligne'
        when 'team:veille' then 'Veille'
        else replace({{ owner }}, 'team:', '')
    end
{%- endmacro %}

{% macro pillar_label(pillar) %}
    case {{ pillar }}
        when 'visibility' then 'Visibilité'
        when 'perception' then 'Perception'
        when 'actors' then 'Acteurs'
        when 'signals' then 'Veille'
        when 'reference' then 'Référentiels'
        else {{ pillar }}
    end
{%- endmacro %}

{% macro signal_metric_label(metric) %}
    case {{ metric }}
        when 'mentions' then 'Mentions'
        when 'negative' then 'Mentions négatives'
        when 'chat_contacts' then 'Contacts du tchat'
        when 'victims' then 'Victimes'
        when 'negative_feedback' then 'Avis négatifs'
        when 'sent_services' then 'Démarches abouties'
        when 'failed_services' then 'Démarches abandonnées'
        else {{ metric }}
    end
{%- endmacro %}

{# A place of the live file, of the relations `territories` and `regions`. #}
{% macro place_label(code) %}
    coalesce(
        territories.territory_name,
        regions.region_name,
        case {{ code }} when 'FR' then 'France entière' else {{ code }} end
    )
{%- endmacro %}

{# The code of a category of the chat, however an installation writes it; another one stays as it is. #}
{% macro chat_category_code(category) %}
    case {{ folded_title(category) }}
        when {{ folded_title("'demande_info'") }} then 'demande_info'
        when {{ folded_title("'Demande d''information'") }} then 'demande_info'
        when {{ folded_title("'victime'") }} then 'victime'
        when {{ folded_title("'signalement'") }} then 'signalement'
        when {{ folded_title("'PNAV'") }} then 'PNAV'
        else {{ category }}
    end
{%- endmacro %}

{# Of when the values of a KPI are that is held back. #}
{% macro values_label(values_of) -%}
    case when {{ values_of }} is null then 'aucune valeur' else concat('valeurs du ', {{ french_day(paris_day(values_of)) }}) end
{%- endmacro %}
