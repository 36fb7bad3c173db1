"""Detectors that somebody else's library trained, run beside Driftmeter's own."""
