{{ rollup_ratio(ref('kpi_listing_sync_share__observations')) }}
