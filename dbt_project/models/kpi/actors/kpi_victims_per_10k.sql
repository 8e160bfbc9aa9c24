{{ suppressed(rollup_per_inhabitant(ref('kpi_victims_per_10k__observations'), per=10000)) }}
