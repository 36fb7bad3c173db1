"""gRPC in front of a model: bytes pass as they are, and a reader of its own follows them."""
