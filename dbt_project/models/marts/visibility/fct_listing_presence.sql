with counts as (
    select
        presence.*,
        metrics.kind,
        metrics.measure,
        rank() over (
            partition by presence.listing_id, presence.counted_on, metrics.kind, metrics.measure
            order by metrics.generation desc
        ) as generation_rank
    from {{ ref('stg_partoo__presence') }} as presence
    inner join {{ ref('presence_metrics') }} as metrics on presence.metric = metrics.metric
)

select
    counts.presence_key,
    counts.listing_id,
    coalesce(listings.territory_code, 'ZZ') as territory_code,
    counts.counted_on,
    counts.kind,
    counts.measure,
    counts.metric,
    counts.metric_count,
    counts.source_load_id
from counts
left join {{ ref('dim_listing') }} as listings on counts.listing_id = listings.listing_id
-- While the platform renames its metrics it gives both names, which count the same.
where counts.generation_rank = 1
