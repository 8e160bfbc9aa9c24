-- As the KPI of mentions has it, by the hour: the place is that of the source. An hour without a mention has no row.
with placed as (
    {{ placed_mentions(ref('stg_listening__mention')) }}
)

select
    territory_code,
    cast({{ bin_start('published_at', 60) }} as timestamp) as hour_start,
    count(mention_id) as mentions
from placed
where territory_code not in ('XX', 'ZZ')
group by
    territory_code,
    {{ bin_start('published_at', 60) }}
