"""Weak signals: anomalies clustered, followed, graded and worded."""

from analytics.anomaly.detector import Detector

__all__ = ["Detector"]
