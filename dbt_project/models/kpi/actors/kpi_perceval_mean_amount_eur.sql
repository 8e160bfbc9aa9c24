{{ suppressed(rollup_ratio(ref('kpi_perceval_mean_amount_eur__observations'), type='decimal(38, 6)')) }}
