select
    series_key,
    month_start,
    -- Whether 00 means "not given" or "under 15" is for the producer to say: the name leaves both open.
    case age_code
        when '00' then 'Non précisé ou moins de 15 ans'
        when '75+' then '75 ans et plus'
        else concat(replace(age_code, '-', ' à '), ' ans')
    end as age_class,
    reports,
    source_load_id
from {{ ref('stg_perceval__monthly_age') }}
