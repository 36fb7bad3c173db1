"""`driftmeter backtest`: what a monitor would have said of rows that lie in files."""
