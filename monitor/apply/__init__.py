"""Monitors on their way to a server: the commands, the client, and what a server makes of them."""
