{{ rollup_ratio(ref('kpi_bounce_share__observations')) }}
