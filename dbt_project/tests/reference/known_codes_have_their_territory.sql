-- Codes that earlier work got wrong, each with its answer: the reference decides, never a prefix.
{% set departements = {
    '2A': 'FR-2A', '67': 'FR-67', '69': 'FR-69', '69D': 'FR-69', '69M': 'FR-69', '75': 'FR-75C', '75C': 'FR-75C',
    '971': 'FR-971', '975': 'FR-PM', '977': 'FR-BL', '978': 'FR-MF', '986': 'FR-WF', '987': 'FR-PF', '988': 'FR-NC',
    '99': 'XX', '20': 'ZZ', '97': 'ZZ', '98': 'ZZ', '984': 'ZZ', '989': 'ZZ', '': 'ZZ',
} %}
{% set postal_codes = {
    '6600': 'FR-06', '20200': 'FR-2B', '75016': 'FR-75C', '78000': 'FR-78', '97233': 'FR-972', '98800': 'FR-NC',
    '69300': 'FR-69', '2000': 'FR-02', '02000': 'FR-02', '9000': 'FR-09', '20000': 'FR-2A', '20090': 'FR-2A',
    '20600': 'FR-2B', '97500': 'FR-PM', '98600': 'FR-WF', '98714': 'FR-PF', '20999': 'ZZ', '99': 'ZZ',
} %}
with expected as (
    {% for kind, codes in [('departement', departements), ('postal_code', postal_codes)] %}
    {% set last_kind = loop.last %}
    {% for code, territory in codes.items() %}
    select
        '{{ kind }}' as kind,
        '{{ code }}' as code,
        '{{ territory }}' as territory_code
    {{ 'union all' if not (last_kind and loop.last) }}
    {% endfor %}
    {% endfor %}
),

found as (
    select
        'departement' as kind,
        departement_code as code,
        territory_code
    from {{ ref('bridge_departement_territory') }}
    union all
    select
        'postal_code' as kind,
        postal_code as code,
        territory_code
    from {{ ref('bridge_postal_code_territory') }}
)

select
    expected.kind,
    expected.code,
    expected.territory_code,
    found.territory_code as found_territory_code
from expected
left join found on expected.kind = found.kind and expected.code = found.code
where coalesce(found.territory_code, 'ZZ') <> expected.territory_code
