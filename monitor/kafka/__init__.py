"""Topics: what travels over them, how to reach them, and what could not be read."""
