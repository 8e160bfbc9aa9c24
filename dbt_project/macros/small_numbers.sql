{#
  How much a figure can say, from how many answers, persons or events stand behind it. `meta.kpi` declares which figure
  counts them (`observed`), below which number no conclusion is drawn (`min_observations`), and how its interval is
  computed (`interval`).
#}

{# How many stand behind a row; null where the row is suppressed. #}
{% macro observed_count(row, catalogue='catalogue') -%}
    cast(
        case {{ catalogue }}.observed_figure
            when 'numerator' then {{ row }}.numerator
            when 'denominator' then {{ row }}.denominator
            else {{ row }}.observations
        end as bigint
    )
{%- endmacro %}


{# Whether too few stand behind a row. A suppressed row is not small: nobody may know. #}
{% macro is_small(row, catalogue='catalogue') -%}
    coalesce({{ observed_count(row, catalogue) }} < {{ catalogue }}.min_observations, false)
{%- endmacro %}


{# « 1 avis », « 12 réponses »; null where the row is suppressed. #}
{% macro observed_label(row, catalogue='catalogue') -%}
    {%- set count = observed_count(row, catalogue) -%}
    case
        when {{ count }} is null then null
        when {{ count }} < 2 or {{ catalogue }}.observed_noun like '%s'
            then concat({{ number_text(count, 0) }}, ' ', {{ catalogue }}.observed_noun)
        else concat({{ number_text(count, 0) }}, ' ', {{ catalogue }}.observed_noun, 's')
    end
{%- endmacro %}


{#
  One end of the 95 % interval of a row, `side` -1 for the lower and 1 for the upper.
  Wilson: of a share, and of a mark, whose answers lie between two bounds: no distribution between them has a greater
  variance than one of the two bounds alone, so that the interval of a mark is never too narrow.
  Poisson: of a count of independent events, by Byar's approximation.
#}
{% macro interval_end(row, side, catalogue='catalogue') -%}
    {%- set z = 1.959964 -%}
    {%- set n, events = 'cast(' ~ row ~ '.denominator as double)', 'cast(' ~ row ~ '.numerator as double)' -%}
    {%- set least = 'case ' ~ catalogue ~ ".unit when 'note sur 5' then 1.0 else 0.0 end" -%}
    {%- set most -%}
        case {{ catalogue }}.unit when 'note sur 5' then 5.0 when 'note sur 10' then 10.0 else 1.0 end
    {%- endset -%}
    {%- set share -%} (cast({{ row }}.value as double) - {{ least }}) / ({{ most }} - {{ least }}) {%- endset -%}
    {%- set shifted = events if side < 0 else '(' ~ events ~ ' + 1)' -%}
    cast(
        case
            when
                {{ catalogue }}.interval_method = 'wilson'
                and {{ row }}.denominator > 0
                and {{ share }} between 0 and 1
                then {{ least }} + ({{ most }} - {{ least }}) * (
                    {{ share }} + {{ z * z / 2 }} / {{ n }}
                    + {{ side * z }} * sqrt(
                        {{ share }} * (1 - {{ share }}) / {{ n }} + {{ z * z / 4 }} / ({{ n }} * {{ n }})
                    )
                ) / (1 + {{ z * z }} / {{ n }})
            when {{ catalogue }}.interval_method = 'poisson' and {{ row }}.numerator = 0 and {{ side }} < 0 then 0
            when {{ catalogue }}.interval_method = 'poisson'
                then case {{ catalogue }}.unit when 'pour 10 000 habitants' then 10000.0 / {{ n }} else 1.0 end
                    * {{ shifted }}
                    * power(1 - 1 / (9 * {{ shifted }}) + {{ side * z / 3 }} / sqrt({{ shifted }}), 3)
        end as decimal(18, 6)
    )
{%- endmacro %}


{# Whether a row is that of all the Gendarmerie: Services Publics+ covers all administrations, and there it is a part. #}
{% macro is_headline(row, catalogue='catalogue') -%}
    case
        when concat(', ', coalesce({{ catalogue }}.breakdown_dimensions, ''), ', ') like '%, scope, %'
            then {{ row }}.breakdown_dimension = 'scope' and {{ row }}.breakdown_value = 'gendarmerie'
        else {{ row }}.breakdown_dimension = 'total'
    end
{%- endmacro %}
