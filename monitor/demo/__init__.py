"""The demo: a simulated public-transport line, a model of its free seats, and a lockdown."""
