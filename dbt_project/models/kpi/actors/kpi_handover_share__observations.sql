{% set ways = {
    'Prestataire': 'provider_handovers',
    'Tchat': 'chat_handovers',
    'Plainte': 'complaint_handovers',
} %}
with assistance as (
    select * from {{ ref('fct_assistance') }}
),

handovers as (
    {% for way, column in ways.items() %}
    select
        assistance_key,
        '{{ way }}' as handover,
        {{ column }} as victims_handed_over
    from assistance
    -- More victims handed over than assisted is impossible: set aside here, and named by a check.
    where {{ column }} <= victims
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A victim may be handed over in several ways, and counts do not tell who: together they are at least the largest.
whole as (
    select
        assistance_key,
        cast(null as string) as handover,
        max(victims_handed_over) as victims_handed_over
    from handovers
    group by assistance_key
),

unioned as (
    select * from whole
    union all
    select * from handovers
)

select
    assistance.assistance_key as record_key,
    assistance.diagnosed_on as occurred_on,
    assistance.territory_code,
    unioned.handover,
    unioned.victims_handed_over as numerator,
    assistance.victims as denominator
from unioned
inner join assistance on unioned.assistance_key = assistance.assistance_key
