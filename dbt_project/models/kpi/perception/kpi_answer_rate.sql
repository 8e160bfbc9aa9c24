{{ rollup_ratio(ref('kpi_answer_rate__observations')) }}
