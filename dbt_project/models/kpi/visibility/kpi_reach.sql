{{ rollup_sum(ref('kpi_reach__observations')) }}
