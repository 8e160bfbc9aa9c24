{{ rollup_sum(ref('kpi_visits__observations')) }}
