-- A place that nobody knows counts under 'Territoire non précisé' until it is declared in its seed.
{{ config(severity='warn', group='governance') }}
select
    platform,
    field,
    label,
    volume
from {{ ref('unknown_place') }}
