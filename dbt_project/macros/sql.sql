{# Small SQL helpers, engine-specific parts dispatched. What a KPI means does not belong here. #}

{% macro quoted_list(values) %}
    {%- for value in values %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor -%}
{% endmacro %}


{# `scale` times the ratio of two non-negative amounts, rounded half up once and exactly; null where the denominator is zero. #}
{% macro exact_ratio(numerator, denominator, scale=1) -%}
    {{ return(adapter.dispatch('exact_ratio')(numerator, denominator, scale)) }}
{%- endmacro %}

{% macro default__exact_ratio(numerator, denominator, scale) -%}
    cast(
        {{ scale }} * cast({{ numerator }} as decimal(38, 6)) / nullif(cast({{ denominator }} as decimal(38, 6)), 0)
        as decimal(18, 6)
    )
{%- endmacro %}

{# DuckDB divides decimals as doubles, which breaks ties at random: divide integers instead. #}
{% macro duckdb__exact_ratio(numerator, denominator, scale) -%}
    {%- set n -%} cast(cast({{ numerator }} as decimal(38, 6)) * 1000000 as hugeint) {%- endset -%}
    {%- set d -%} cast(cast({{ denominator }} as decimal(38, 6)) * 1000000 as hugeint) {%- endset -%}
    cast(
        cast(({{ 2000000 * scale }} * {{ n }} + {{ d }}) // nullif(2 * {{ d }}, 0) as decimal(18, 0)) * 0.000001
        as decimal(18, 6)
    )
{%- endmacro %}


{# The same of amounts that may be negative; half is rounded away from zero. #}
{% macro signed_ratio(numerator, denominator, scale=1) -%}
    cast(
        case when ({{ numerator }} < 0) <> ({{ denominator }} < 0) then -1 else 1 end
        * {{ exact_ratio('abs(' ~ numerator ~ ')', 'abs(' ~ denominator ~ ')', scale) }} as decimal(18, 6)
    )
{%- endmacro %}


{# The median of values, interpolated between neighbours in decimals: engines round the mean of two doubles differently. #}
{% macro exact_median(value) -%}
    cast(
        cast(
            percentile_cont(0.5) within group (order by cast({{ value }} as decimal(38, 12))) as decimal(38, 9)
        ) as decimal(18, 6)
    )
{%- endmacro %}


{# Text of a French list of options by number, 1 first: `{{ nth('month_number', ['janvier', ...]) }}`. #}
{% macro nth(number, labels) -%}
    case {{ number }}
        {%- for label in labels %} when {{ loop.index }} then '{{ label }}' {%- endfor %}
    end
{%- endmacro %}


{# A text as an SQL literal, its apostrophes and line ends taken care of. #}
{% macro text(value) -%}
    '{{ (value | trim).split() | join(' ') | replace("'", "''") }}'
{%- endmacro %}


{# The sum of the hashes of rows, whatever their order: two sets of rows that have the same sum are the same. #}
{% macro checksum(columns) -%}
    {{ return(adapter.dispatch('checksum')(columns)) }}
{%- endmacro %}

{# A null is hashed as such: Spark's hash would skip it. #}
{% macro default__checksum(columns) -%}
    sum(cast(xxhash64(
        {%- for column in columns %}{{ column }}, {{ column }} is null{{ ', ' if not loop.last }}{% endfor -%}
    ) as decimal(38, 0)))
{%- endmacro %}

{% macro duckdb__checksum(columns) -%}
    cast(sum(hash({{ columns | join(', ') }})) as decimal(38, 0))
{%- endmacro %}
