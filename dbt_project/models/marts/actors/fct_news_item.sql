with news as (
    select
        *,
        regexp_extract(locality, '[0-9]{5}', 0) as postal_code
    from {{ ref('stg_ma_securite__news_item') }}
)

select
    news.news_id,
    news.created_at,
    news.created_on,
    news.theme,
    news.is_national_theme,
    threat_labels.threat_code,
    -- A postal code tells the département by the list of the COG, never by its first digits.
    coalesce(by_postal_code.territory_code, by_code.territory_code, by_name.territory_code, 'ZZ') as territory_code,
    news.locality is null as is_nationwide,
    news.source_load_id
from news
left join {{ ref('bridge_postal_code_territory') }} as by_postal_code
    on news.postal_code = by_postal_code.postal_code
left join {{ ref('bridge_departement_territory') }} as by_code on news.departement_code = by_code.departement_code
left join {{ ref('territories') }} as by_name
    on {{ folded_place('news.locality') }} = {{ folded_place('by_name.territory_name') }}
left join {{ ref('threat_labels') }} as threat_labels
    on
        threat_labels.platform = 'ma_securite'
        and news.theme = threat_labels.label
