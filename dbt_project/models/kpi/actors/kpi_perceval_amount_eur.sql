{{ suppressed(rollup_sum(ref('kpi_perceval_amount_eur__observations'), type='decimal(38, 6)')) }}
