"""Counts the rows of the topics predictions and labels into profiles."""
