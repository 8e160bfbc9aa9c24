-- KPIs that count the victims of one source must not undo each other: they stand together.
{{ victim_cells({
    'cybermalveillance': [
        ref('kpi_handover_share__observations'),
        ref('kpi_victims_assisted__observations'),
        ref('kpi_victims_per_10k__observations'),
    ],
    'perceval': [
        ref('kpi_perceval_amount_eur__observations'),
        ref('kpi_perceval_mean_amount_eur__observations'),
        ref('kpi_perceval_reports__observations'),
    ],
}) }}
