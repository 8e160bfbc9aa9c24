-- Two stages: who the victims are, then to whom they were handed over. A suppressed count draws no flow.
with readings as (
    select
        kpi_code,
        period_start,
        breakdown_dimension,
        breakdown_label,
        numerator,
        denominator
    from kpi.rpt_kpi
    where
        kpi_code in ('victims_assisted', 'handover_share')
        and period_type = 'quarter'
        and territory_level = 'nation'
        and not is_suppressed
)

select period_start, breakdown_label as origin, 'Victimes assistées' as destination, numerator as victims
from readings
where kpi_code = 'victims_assisted' and breakdown_dimension = 'victim_type'
union all
select period_start, 'Victimes assistées' as origin, breakdown_label as destination, numerator as victims
from readings
where kpi_code = 'handover_share' and breakdown_dimension = 'handover'
union all
select
    period_start, 'Victimes assistées' as origin, 'Non orientées (au plus)' as destination, denominator - numerator as victims
from readings
where kpi_code = 'handover_share' and breakdown_dimension = 'total'
