"""Says when: schedules, sensors, resources, the command line and the supervised stack. What exists belongs in `assets`."""
