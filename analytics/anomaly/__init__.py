"""Which values of a series of counts stand out: detection methods and their calibration."""
