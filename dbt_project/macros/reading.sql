{# How a figure is written for a French reader. What a figure means does not belong here. #}

{# A value with its unit, or why there is none: « 54,8 % », « 1 234 € », « 6 min 28 s », « secret statistique », « – ». #}
{% macro reading_label(value, unit, is_suppressed) %}
    case
        when {{ is_suppressed }} then 'secret statistique'
        when {{ value }} is null then '–'
        else concat({{ bare_label(value, unit) }}, {{ unit_label(unit) }})
    end
{%- endmacro %}


{# From one value to another, the unit once: « 38,0 à 44,0 % ». #}
{% macro range_label(low, high, unit) -%}
    concat({{ bare_label(low, unit) }}, ' à ', {{ bare_label(high, unit) }}, {{ unit_label(unit) }})
{%- endmacro %}


{# A value as a number of its unit, without it. #}
{% macro bare_label(value, unit) -%}
    case
        when {{ unit }} = 'part' then {{ number_text('100 * ' ~ value, 1) }}
        when {{ unit }} = 'par habitant' then {{ number_text('1000 * ' ~ value, 1) }}
        when {{ unit }} = 'secondes'
            then concat(
                {{ number_text('floor(round(' ~ value ~ ') / 60)', 0) }}, ' min ',
                cast(round({{ value }}) - 60 * floor(round({{ value }}) / 60) as bigint), ' s'
            )
        when {{ unit }} in (
            'jours', 'note sur 10', 'note sur 5', 'heures pour 10 000 habitants', 'par équivalent temps plein'
        ) then {{ number_text(value, 1) }}
        when {{ unit }} in ('pour 10 000 habitants', 'euros par personne', 'observé sur attendu')
            then {{ number_text(value, 2) }}
        else {{ number_text(value, 0) }}
    end
{%- endmacro %}


{# What follows a number of a unit; seconds are written with theirs. #}
{% macro unit_label(unit) -%}
    case {{ unit }}
        when 'part' then ' %'
        when 'jours' then ' j'
        when 'heures' then ' h'
        when 'euros' then ' €'
        when 'note sur 10' then ' / 10'
        when 'note sur 5' then ' / 5'
        when 'pour 10 000 habitants' then ' pour 10 000 hab.'
        when 'heures pour 10 000 habitants' then ' h pour 10 000 hab.'
        when 'euros par personne' then ' €'
        when 'par équivalent temps plein' then ' par ETP'
        when 'par habitant' then ' pour 1 000 hab.'
        else ''
    end
{%- endmacro %}


{# A row's value with its unit and, where too few stand behind a share, a mark or a mean, how many: « 0,0 / 10 (2 avis seulement) ». #}
{% macro qualified_label(row, catalogue='catalogue') -%}
    case
        when {{ row }}.is_small and {{ row }}.value is not null and {{ catalogue }}.unit <> 'nombre'
            then concat({{ row }}.plain_label, ' (', {{ row }}.observations_label, ' seulement)')
        else {{ row }}.plain_label
    end
{%- endmacro %}


{# The change from one value to another: in points for shares and marks, in % for everything else; null without a base. #}
{% macro change_label(value, previous, unit) -%}
    case
        when {{ unit }} = 'part' then {{ points_label('round(100 * (' ~ value ~ ' - ' ~ previous ~ '), 1)') }}
        when {{ unit }} in ('note sur 10', 'note sur 5')
            then {{ points_label('round(' ~ value ~ ' - ' ~ previous ~ ', 1)') }}
        else {{ signed_label('round(' ~ signed_ratio('(' ~ value ~ ' - ' ~ previous ~ ')', previous, 100) ~ ')', 0, ' %') }}
    end
{%- endmacro %}

{% macro points_label(points) -%}
    case
        when abs({{ points }}) < 2 then {{ signed_label(points, 1, " point") }}
        else {{ signed_label(points, 1, " points") }}
    end
{%- endmacro %}

{# « +9 % », « −2 % », « stable »; null where the amount is. #}
{% macro signed_label(amount, decimals, unit) -%}
    case
        when {{ amount }} = 0 then 'stable'
        when {{ amount }} > 0 then concat('+', {{ number_text(amount, decimals) }}, '{{ unit }}')
        when {{ amount }} < 0 then concat('−', {{ number_text('-(' ~ amount ~ ')', decimals) }}, '{{ unit }}')
    end
{%- endmacro %}


{# The path of the page that traces a row of `kpi_value`. #}
{% macro page_path(row, period_name) %}
    concat(
        '/chiffre/', {{ row }}.kpi_code, '/', {{ period_name }}, '/', {{ row }}.territory_code,
        case
            when {{ row }}.breakdown_dimension = 'total' then ''
            else concat(
                '?ventilation=', {{ row }}.breakdown_dimension, '%3D',
                {{ adapter.dispatch('url_encoded')(row ~ '.breakdown_value') }}
            )
        end
    )
{%- endmacro %}

{% macro default__url_encoded(text) -%}
    replace(url_encode({{ text }}), '+', '%20')
{%- endmacro %}

{% macro duckdb__url_encoded(text) -%}
    url_encode({{ text }})
{%- endmacro %}


{# A number with a narrow space between thousands and a comma before the decimals; a tie is rounded away from zero. #}
{% macro number_text(value, decimals) -%}
    replace(replace({{ adapter.dispatch('grouped_number')(value, decimals) }}, ',', ' '), '.', ',')
{%- endmacro %}

{% macro default__grouped_number(value, decimals) -%}
    format_number(round(cast({{ value }} as decimal(38, 6)), {{ decimals }}), {{ decimals }})
{%- endmacro %}

{% macro duckdb__grouped_number(value, decimals) -%}
    format('{:,.{{ decimals }}f}', cast(round(cast({{ value }} as decimal(38, 6)), {{ decimals }}) as double))
{%- endmacro %}
