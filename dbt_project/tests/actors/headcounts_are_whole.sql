-- Headcounts of which the file leaves men or women empty: the total of the year counts the others only.
{{ config(group='actors') }}
select
    year_number,
    category as category_name
from {{ ref('stg_reference__headcount') }}
where men is null or women is null
