{#
  The name of a place as all its spellings have it: lower case, no accents, one space for whatever separates words, `st` and
  `ste` written out. The same as `fold_place` in `core/normalize_text.py`.
#}
{% macro folded_place(name) -%}
    {{ return(adapter.dispatch('folded_place')(name)) }}
{%- endmacro %}

{% macro default__folded_place(name) -%}
    regexp_replace(
        trim(regexp_replace(
            translate(
                replace(replace(lower({{ name }}), 'œ', 'oe'), 'æ', 'ae'),
                'àáâãäåçèéêëìíîïñòóôõöùúûüýÿ', 'aaaaaaceeeeiiiinooooouuuuyy'
            ),
            '[^a-z0-9]+', ' '
        )),
        '\\bst(e?s?)\\b', 'saint$1'
    )
{%- endmacro %}

{% macro duckdb__folded_place(name) -%}
    regexp_replace(
        trim(regexp_replace(
            strip_accents(replace(replace(lower({{ name }}), 'œ', 'oe'), 'æ', 'ae')), '[^a-z0-9]+', ' ', 'g'
        )),
        '\bst(e?s?)\b', 'saint\1', 'g'
    )
{%- endmacro %}
