select
    ledger.publication,
    ledger.publication_id,
    ledger.published_at,
    ledger.code_version,
    ledger.kpi_code,
    ledger.kpi_label,
    ledger.period_type,
    case ledger.period_type
        when 'day' then 'jour' when 'week' then 'semaine' when 'month' then 'mois' when 'quarter' then 'trimestre' else 'année'
    end as period_label,
    ledger.period_start,
    ledger.territory_level,
    ledger.territory_code,
    territories.territory_name,
    ledger.breakdown_dimension,
    case when ledger.breakdown_dimension = 'total' then 'ensemble' else ledger.breakdown_value end as breakdown_value,
    ledger.numerator,
    ledger.denominator,
    ledger.value,
    ledger.observations,
    ledger.is_withheld,
    ledger.change,
    case ledger.change when 'added' then 'ajoutée' when 'changed' then 'modifiée' when 'removed' then 'retirée' end as change_label
from audit.kpi_ledger as ledger
left join reference.dim_territory as territories
    on ledger.territory_code = territories.territory_code and ledger.territory_level = territories.territory_level
