{{ rollup_sum(ref('kpi_reach__observations'), days=ref('kpi_reach__days')) }}
