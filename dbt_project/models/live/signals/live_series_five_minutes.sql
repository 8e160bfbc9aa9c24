{{ signal_series(minutes=5, days=7, levels=['nation', 'region']) }}
