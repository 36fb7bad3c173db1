"""The command `driftmeter alerts`: what was told to whom, telling it again, and trying it out."""
