{# News of one theme, place and week from which they are more than what is published anyway. #}
{% set least_news = 3 %}
{# Posts that stand out: times as many as usual, and how many more; days that are known before anything is usual. #}
{% set times_usual, least_more, least_known_days = 2, 10, 28 %}
with busy_weeks as (
    select
        news.theme,
        news.territory_code,
        news.is_nationwide,
        min(news.created_on) as started_on,
        max(news.created_on) as ended_on,
        count(news.news_id) as items
    from {{ ref('fct_news_item') }} as news
    inner join {{ ref('dim_calendar') }} as calendar on news.created_on = calendar.date_day
    -- A theme that a brigade made up is spelt as it pleases, and a place that is not known is none.
    where
        news.is_national_theme
        and (news.is_nationwide or news.territory_code <> 'ZZ')
    group by news.theme, news.territory_code, news.is_nationwide, calendar.week_start
    having count(news.news_id) >= {{ least_news }}
),

-- Posts are told as a number so far: between two readings of an account lie the posts of the days after the first.
readings as (
    select
        account_key,
        account_scope,
        territory_code,
        counted_on,
        posts - lag(posts) over (partition by account_key order by counted_on) as posted,
        lag(counted_on) over (partition by account_key order by counted_on) as read_before_on
    from {{ ref('fct_social_account_day') }}
    where posts is not null
),

stretches as (
    select
        *,
        {{ dbt.datediff('read_before_on', 'counted_on', 'day') | trim }} as stretch_days
    from readings
    where
        -- Posts that were removed leave a number that says nothing.
        posted >= 0
        and (account_scope = 'national' or territory_code <> 'ZZ')
),

beside_usual as (
    select
        *,
        sum(posted) over before_it as usual_posted,
        sum(stretch_days) over before_it as usual_days
    from stretches
    window before_it as (partition by account_key order by counted_on rows between 30 preceding and 1 preceding)
),

spans as (
    select
        'Actualités Ma Sécurité' as action_kind,
        'ma_securite' as platform,
        theme,
        territory_code,
        is_nationwide,
        started_on,
        ended_on,
        items
    from busy_weeks
    union all
    select
        'Publications exceptionnelles' as action_kind,
        'social_accounts' as platform,
        cast(null as string) as theme,
        territory_code,
        account_scope = 'national' as is_nationwide,
        cast({{ dbt.dateadd('day', 1, 'read_before_on') }} as date) as started_on,
        counted_on as ended_on,
        posted as items
    from beside_usual
    where
        stretch_days <= 7
        and usual_days >= {{ least_known_days }}
        and posted * usual_days >= {{ times_usual }} * usual_posted * stretch_days
        and (posted - {{ least_more }}) * usual_days >= usual_posted * stretch_days
),

begun as (
    select
        *,
        case
            when
                started_on <= {{ dbt.dateadd('day', 8, 'max(ended_on) over before_it') }}
                then 0
            else 1
        end as begins
    from spans
    window before_it as (
        partition by action_kind, theme, territory_code, is_nationwide order by started_on, ended_on
        rows between unbounded preceding and 1 preceding
    )
),

numbered as (
    select
        *,
        sum(begins) over (
            partition by action_kind, theme, territory_code, is_nationwide order by started_on, ended_on
            rows between unbounded preceding and current row
        ) as wave
    from begun
),

-- Publications that follow each other are one action: neighbours in time could not be told apart.
waves as (
    select
        action_kind,
        platform,
        theme,
        territory_code,
        is_nationwide,
        min(started_on) as started_on,
        max(ended_on) as ended_on,
        cast(sum(items) as bigint) as items
    from numbered
    group by action_kind, platform, theme, territory_code, is_nationwide, wave
)

select
    concat(
        case platform when 'ma_securite' then 'actualites-' else 'publications-' end,
        case when is_nationwide then 'FR' else territory_code end,
        '-',
        cast(started_on as string),
        case when theme is null then '' else concat('-', lower(replace(theme, ' ', '-'))) end
    ) as action_id,
    action_kind,
    platform,
    theme,
    territory_code,
    is_nationwide,
    started_on,
    ended_on,
    items
from waves
