"""Anomaly detection in series of counts: methods and their calibration."""
