"""Monitors declared as Kubernetes resources, or in ConfigMaps: a client of the API."""
