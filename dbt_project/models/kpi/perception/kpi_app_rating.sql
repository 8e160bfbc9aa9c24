{{ rollup_ratio(ref('kpi_app_rating__observations')) }}
