"""Retrains: who wants them, which were asked for, and what became of each."""
