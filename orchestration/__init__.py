"""Says when: schedules, sensors, resources, command line, supervised stack. What exists belongs in `assets`."""
