{{ suppressed(rollup_sum(ref('kpi_victims_assisted__observations'))) }}
