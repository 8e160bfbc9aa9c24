{{ suppressed(rollup_sum(ref('kpi_perceval_reports__observations'))) }}
