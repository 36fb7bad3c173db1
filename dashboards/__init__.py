"""Grafana dashboards, generated from code and the table of metrics."""
