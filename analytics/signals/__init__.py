"""Weak signals in series of counts: detection methods, their calibration and what is made of their alarms."""

from analytics.anomaly.detector import Detector

__all__ = ["Detector"]
