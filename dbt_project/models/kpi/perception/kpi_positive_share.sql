{{ rollup_ratio(ref('kpi_positive_share__observations')) }}
