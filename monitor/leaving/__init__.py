"""What may leave a pod, and in which form."""
