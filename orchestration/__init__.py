"""When things run: jobs, schedules, sensors, micro-batches, run monitoring."""
