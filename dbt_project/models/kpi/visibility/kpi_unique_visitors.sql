{{ rollup_sum(ref('kpi_unique_visitors__observations')) }}
