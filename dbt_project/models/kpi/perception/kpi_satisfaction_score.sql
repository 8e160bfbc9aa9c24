{{ rollup_ratio(ref('kpi_satisfaction_score__observations'), type='decimal(38, 6)') }}
