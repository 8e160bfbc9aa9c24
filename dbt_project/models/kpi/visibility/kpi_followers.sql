{{ rollup_sum(ref('kpi_followers__observations')) }}
