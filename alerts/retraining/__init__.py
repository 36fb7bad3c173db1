"""Asking for a retrain: whether, of whom and how, and what became of it."""
