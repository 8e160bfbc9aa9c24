{{ rollup_ratio(ref('kpi_clarity_score__observations'), type='decimal(38, 6)') }}
