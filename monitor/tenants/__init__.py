"""Tenants: whose a monitor is, what each may see, and how much each may use."""
