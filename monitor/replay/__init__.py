"""Windows of the past made again from the log, and set beside what was reported of them."""
