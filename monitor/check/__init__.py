"""`driftmeter check`: two files compared column by column."""
