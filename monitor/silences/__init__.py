"""Silences, from the command line."""
