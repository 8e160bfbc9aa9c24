-- Where the text names a place, that is where it happens; else it is where the source is.
with of_the_source as (
    {{ placed_mentions(ref('stg_listening__mention')) }}
),

placed as (
    select
        subjects.topic_code,
        mentions.mention_id,
        mentions.published_at,
        mentions.collected_at,
        mentions.network,
        mentions.author_id,
        mentions.potential_reach,
        mentions.sentiment,
        coalesce(subjects.told_territory_code, mentions.territory_code) as territory_code
    from {{ ref('live_mention_subject') }} as subjects
    inner join of_the_source as mentions on subjects.mention_id = mentions.mention_id
)

select
    placed.topic_code,
    placed.mention_id,
    placed.published_at,
    placed.collected_at,
    placed.network,
    placed.author_id,
    placed.potential_reach,
    placed.sentiment,
    placed.territory_code,
    coalesce(
        departements.region_code,
        regions.region_code
    ) as region_code,
    departements.territory_code as departement_territory_code
from placed
left join {{ ref('territories') }} as departements on placed.territory_code = departements.territory_code
left join {{ ref('regions') }} as regions on placed.territory_code = regions.region_code
