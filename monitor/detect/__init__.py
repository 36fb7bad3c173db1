"""Makes windows of profiles, judges them, and keeps what follows in SQL."""
