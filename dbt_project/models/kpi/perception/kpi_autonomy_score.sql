{{ rollup_ratio(ref('kpi_autonomy_score__observations'), scale=10) }}
