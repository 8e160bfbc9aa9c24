{{ rollup_ratio(ref('kpi_google_rating__observations')) }}
