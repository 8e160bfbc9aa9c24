{{ rollup_sum(ref('kpi_pre_complaints__observations')) }}
