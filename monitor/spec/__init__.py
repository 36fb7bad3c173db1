"""Monitor documents: what a user writes, read strictly, checked, and described as a JSON Schema."""
