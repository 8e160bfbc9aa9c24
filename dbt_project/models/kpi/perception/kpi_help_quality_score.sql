{{ rollup_ratio(ref('kpi_help_quality_score__observations'), type='decimal(38, 6)') }}
