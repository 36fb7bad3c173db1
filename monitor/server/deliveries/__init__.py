"""Telling endpoints what is in the outbox, and what is known of how they take it."""
