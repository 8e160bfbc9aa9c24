{{ rollup_sum(ref('kpi_iggn_complaints__observations')) }}
