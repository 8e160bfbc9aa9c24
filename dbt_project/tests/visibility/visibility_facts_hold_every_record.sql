-- Nothing that a platform gave is lost on the way: hours and places that are not known, accounts, listings.
{{ config(group='visibility') }}
with compared as (
    select
        'visits by hour' as counted,
        'fct_audience_hour' as model_name,
        (select sum(visits) from {{ ref('stg_audience__hourly_visit') }}) as records,
        (select sum(visits) from {{ ref('fct_audience_hour') }}) as facts
    union all
    select
        'visits by place' as counted,
        'fct_audience_place' as model_name,
        (select sum(visits) from {{ ref('stg_audience__geo_visit') }}) as records,
        (select sum(visits) from {{ ref('fct_audience_place') }}) as facts
    union all
    select
        'visits by page' as counted,
        'fct_audience_page' as model_name,
        (select sum(visits) from {{ ref('stg_audience__page_visit') }}) as records,
        (select sum(visits) from {{ ref('fct_audience_page') }}) as facts
    union all
    select
        'declarations' as counted,
        'fct_pre_complaint' as model_name,
        (select count(declaration_id) from {{ ref('stg_pre_plainte__declaration') }}) as records,
        (select count(declaration_id) from {{ ref('fct_pre_complaint') }}) as facts
    union all
    select
        'readings of accounts' as counted,
        'fct_social_account_day' as model_name,
        (select count(metric_key) from {{ ref('stg_social_accounts__daily_metric') }}) as records,
        (select count(metric_key) from {{ ref('fct_social_account_day') }}) as facts
    union all
    select
        'listings' as counted,
        'dim_listing' as model_name,
        (select count(listing_id) from {{ ref('stg_partoo__business') }}) as records,
        (select count(listing_id) from {{ ref('dim_listing') }}) as facts
    {% for breakdown, records in {
        'traffic_source': ref('stg_audience__source_visit'),
        'device': ref('stg_audience__device_visit'),
    }.items() %}
    {% for period_type in ['month', 'quarter', 'year'] %}
    union all
    select
        'visits by {{ breakdown }} and {{ period_type }}' as counted,
        'kpi_visits' as model_name,
        (select sum(visits) from {{ records }}) as records,
        (
            select sum(value)
            from {{ ref('kpi_visits') }}
            where
                breakdown_dimension = '{{ breakdown }}'
                and period_type = '{{ period_type }}'
        ) as facts
    {% endfor %}
    {% endfor %}
)

select *
from compared
where coalesce(records, 0) <> coalesce(facts, 0)
