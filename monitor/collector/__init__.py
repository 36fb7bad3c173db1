"""The sidecar beside a model server: predictions and labels in, Kafka messages out."""
