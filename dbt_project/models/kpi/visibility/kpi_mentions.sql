{{ rollup_sum(ref('kpi_mentions__observations'), days=ref('kpi_mentions__days')) }}
