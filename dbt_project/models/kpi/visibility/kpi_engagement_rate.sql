{{ rollup_ratio(ref('kpi_engagement_rate__observations')) }}
