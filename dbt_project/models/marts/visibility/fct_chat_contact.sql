with contacts as (
    select
        *,
        {{ paris_time('contacted_at') }} as local_time
    from {{ ref('int_chat_contact_archive') }}
),

motives as (
    select * from {{ ref('chat_motives') }}
),

-- What the installation says of a motive or parent motive comes before the seed.
own as (
    select
        {{ folded_title('label') }} as folded_label,
        min({{ chat_category_code('category') }}) as category
    from {{ ref('stg_reference__chat_category') }}
    group by {{ folded_title('label') }}
),

categorised as (
    select
        contacts.*,
        -- An export says PNAV in either motive, in any spelling; the seed knows the usual one. A motive that nobody
        -- knows takes the category of its parent motive; where that is unknown too, none: never that of another motive.
        coalesce(
            case when contacts.is_pnav then 'PNAV' end,
            own_motive.category,
            own_parent.category,
            by_motive.category,
            of_the_parent.category,
            'Non précisé'
        ) as category,
        coalesce(own_motive.category, own_parent.category, by_motive.category) is not null as is_known_motive
    from contacts
    left join own as own_motive on {{ folded_title('contacts.motive') }} = own_motive.folded_label
    left join own as own_parent on {{ folded_title('contacts.parent_motive') }} = own_parent.folded_label
    left join motives as by_motive
        on
            contacts.parent_motive is not distinct from by_motive.parent_motive
            and contacts.motive is not distinct from by_motive.motive
    left join motives as of_the_parent
        on contacts.parent_motive = of_the_parent.parent_motive and of_the_parent.motive is null
)

select
    categorised.contact_key,
    categorised.conversation_pseudonym,
    categorised.contacted_at,
    categorised.contacted_on,
    cast(extract(hour from categorised.local_time) as integer) as contacted_hour,
    categorised.is_hour_repaired,
    calendar.is_weekend
    or calendar.is_public_holiday
    or extract(hour from categorised.local_time) < 8
    or extract(hour from categorised.local_time) >= 19 as is_out_of_hours,
    categorised.parent_motive,
    categorised.motive,
    categorised.is_known_motive,
    categorised.category,
    categorised.is_pnav,
    categorised.source_load_id
from categorised
inner join {{ ref('dim_calendar') }} as calendar on categorised.contacted_on = calendar.date_day
