{{ signal_series(minutes=60, days=60, levels=['nation', 'region', 'departement']) }}
