select
    series_key as record_key,
    month_start as occurred_on,
    territory_code,
    cast(null as string) as age_class,
    reports as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_perceval_departement') }}
union all
select
    series_key as record_key,
    month_start as occurred_on,
    'ZZ' as territory_code,
    age_class,
    reports as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_perceval_age') }}
