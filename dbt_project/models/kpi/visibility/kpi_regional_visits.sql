{{ rollup_sum(ref('kpi_regional_visits__observations')) }}
