"""Reports in, notifications out: alert states, channels, signed webhooks, retrain triggers."""
