{{ rollup_sum(ref('kpi_listing_actions__observations')) }}
