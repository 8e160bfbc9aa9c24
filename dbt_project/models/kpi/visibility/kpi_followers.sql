{{ rollup_stock(ref('kpi_followers__observations')) }}
