{# How a figure is written for a French reader. What a figure means does not belong here. #}

{# A value with its unit, or why there is none: « 54,8 % », « 1 234 € », « 6 min 28 s », « secret statistique », « – ». #}
{% macro reading_label(value, unit, is_suppressed) %}
    case
        when {{ is_suppressed }} then 'secret statistique'
        when {{ value }} is null then '–'
        when {{ unit }} = 'part' then concat({{ number_text('100 * ' ~ value, 1) }}, ' %')
        when {{ unit }} = 'jours' then concat({{ number_text(value, 1) }}, ' j')
        when {{ unit }} = 'heures' then concat({{ number_text(value, 0) }}, ' h')
        when {{ unit }} = 'euros' then concat({{ number_text(value, 0) }}, ' €')
        when {{ unit }} = 'secondes'
            then concat(
                {{ number_text('floor(round(' ~ value ~ ') / 60)', 0) }}, ' min ',
                cast(round({{ value }}) - 60 * floor(round({{ value }}) / 60) as bigint), ' s'
            )
        when {{ unit }} = 'note sur 10' then concat({{ number_text(value, 1) }}, ' / 10')
        when {{ unit }} = 'note sur 5' then concat({{ number_text(value, 1) }}, ' / 5')
        when {{ unit }} = 'pour 10 000 habitants' then concat({{ number_text(value, 2) }}, ' pour 10 000 hab.')
        when {{ unit }} = 'heures pour 10 000 habitants'
            then concat({{ number_text(value, 1) }}, ' h pour 10 000 hab.')
        when {{ unit }} = 'euros par personne' then concat({{ number_text(value, 2) }}, ' €')
        when {{ unit }} = 'par équivalent temps plein' then concat({{ number_text(value, 1) }}, ' par ETP')
        when {{ unit }} = 'observé sur attendu' then {{ number_text(value, 2) }}
        when {{ unit }} = 'par habitant' then concat({{ number_text('1000 * ' ~ value, 1) }}, ' pour 1 000 hab.')
        else {{ number_text(value, 0) }}
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


{# A number with a narrow space between thousands and a comma before the decimals. #}
{% macro number_text(value, decimals) -%}
    replace(replace({{ adapter.dispatch('grouped_number')(value, decimals) }}, ',', ' '), '.', ',')
{%- endmacro %}

{% macro default__grouped_number(value, decimals) -%}
    format_number({{ value }}, {{ decimals }})
{%- endmacro %}

{% macro duckdb__grouped_number(value, decimals) -%}
    format('{:,.{{ decimals }}f}', cast({{ value }} as double))
{%- endmacro %}
