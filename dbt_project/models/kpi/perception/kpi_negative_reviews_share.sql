{{ rollup_ratio(ref('kpi_negative_reviews_share__observations')) }}
