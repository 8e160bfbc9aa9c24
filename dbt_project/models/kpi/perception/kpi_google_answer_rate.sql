{{ rollup_ratio(ref('kpi_google_answer_rate__observations')) }}
