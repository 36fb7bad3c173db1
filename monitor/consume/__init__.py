"""Predictions and labels that others have in Kafka already, consumed into our topics."""
