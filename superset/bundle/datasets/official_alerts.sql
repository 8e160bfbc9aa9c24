-- What holds now: the statements that are not over, green left out.
select
    alert_id,
    source,
    case source
        when 'meteo_france' then 'Météo-France'
        when 'vigicrues' then 'Vigicrues'
        else 'Santé publique France'
    end as source_label,
    coalesce(vigilance_level, regexp_replace(source_level, '^([0-9]+)$', 'niveau \1')) as level_label,
    coalesce(level_rank, 0) as level_rank,
    phenomenon,
    territory_code,
    territory_name,
    valid_from,
    valid_until,
    title
from signals.fct_official_alert
where
    (valid_until is null or valid_until > timezone('UTC', now()))
    and coalesce(level_rank, 9) > 1
    and issued_at > timezone('UTC', now()) - interval 15 day
