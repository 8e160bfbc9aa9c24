{{ rollup_sum(ref('kpi_mentions__observations')) }}
