"""`driftmeter up`: every process on one machine, started, watched and stopped together."""
