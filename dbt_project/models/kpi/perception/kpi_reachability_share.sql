{{ rollup_ratio(ref('kpi_reachability_share__observations')) }}
