{{ rollup_sum(ref('kpi_experiences__observations')) }}
