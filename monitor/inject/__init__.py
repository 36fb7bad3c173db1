"""A collector in front of a model, written into its manifest: offline, or as it is admitted."""
