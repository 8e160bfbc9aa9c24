{{ rollup_ratio(ref('kpi_negative_share_by_theme__observations')) }}
