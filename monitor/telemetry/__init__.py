"""What Driftmeter says of itself: metrics, traces and logs."""
