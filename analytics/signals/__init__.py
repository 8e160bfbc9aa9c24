"""Weak signals in series of counts: detection methods, their calibration and what is made of their alarms."""

from analytics.signals.detector import Detector

__all__ = ["Detector"]
