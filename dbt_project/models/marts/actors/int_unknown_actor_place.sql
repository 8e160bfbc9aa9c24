{{ unknown_departements(
    ref('stg_cybermalveillance__case_count'), 'cybermalveillance', 'case_key', 'written.diagnosed_on', 'written.victims'
) }}
union all
{{ unknown_departements(
    ref('stg_perceval__monthly_departement'), 'perceval', 'series_key', 'written.month_start', 'written.reports'
) }}
union all
{{ unknown_departements(
    ref('stg_prevention_actions__action'), 'prevention_actions', 'action_id', 'written.started_on', '1'
) }}
union all
select
    'ma_securite' as platform,
    'locality' as field,
    {{ folded_place('news.locality') }} as label,
    count(news.news_id) as records,
    count(news.news_id) as volume,
    min(news.created_on) as first_seen,
    max(news.created_on) as last_seen
from {{ ref('stg_ma_securite__news_item') }} as news
inner join {{ ref('fct_news_item') }} as placed on news.news_id = placed.news_id
where
    news.locality is not null
    and placed.territory_code = 'ZZ'
group by {{ folded_place('news.locality') }}
