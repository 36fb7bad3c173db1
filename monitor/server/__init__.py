"""`driftmeter serve`: the API and its pages, deliveries, and the metrics of monitors."""
