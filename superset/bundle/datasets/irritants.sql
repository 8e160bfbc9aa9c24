-- One row per month, territory and theme of complaints; the latest whole month is marked, and measures are written with their
-- intervals. A territory that is département and region at once has the same row twice: one is kept.
with latest as (
    select max(period_start) as month_start_on
    from kpi.rpt_kpi
    where
        kpi_code = 'irritant_weight'
        and period_type = 'month'
        and is_latest
)

select distinct
    irritants.month_start_on,
    irritants.theme_label,
    irritants.texts,
    irritants.share,
    irritants.trend,
    irritants.weight,
    irritants.territory_code,
    territories.territory_name,
    irritants.month_start_on = latest.month_start_on as is_latest,
    replace(
        printf('%.1f %% [%.1f ; %.1f]', 100 * irritants.share, 100 * irritants.share_low, 100 * irritants.share_high), '.', ','
    ) as share_label,
    case
        when irritants.trend_low > 0 then 'en hausse'
        when irritants.trend_high < 0 then 'en baisse'
        when irritants.trend is not null then 'stable ou incertaine'
    end as trend_label,
    replace(printf('%.2f [%.2f ; %.2f]', irritants.weight, irritants.weight_low, irritants.weight_high), '.', ',') as weight_label
from perception.fct_irritant as irritants
inner join reference.dim_territory as territories
    on
        irritants.territory_level = territories.territory_level
        and irritants.territory_code = territories.territory_code
cross join latest
where
    irritants.service_name = 'total'
    and irritants.feeling = 'négatif'
