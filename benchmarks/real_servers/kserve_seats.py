"""KServe's Python model server, with V1, V2 and gRPC: run by the Python of its environment.

python -m benchmarks.real_servers.kserve_seats --http_port PORT --grpc_port PORT
"""

import argparse
from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server

from benchmarks.real_servers import seats


class Seats(Model):  # type: ignore[misc] # kserve is in an environment of its own
    def __init__(self) -> None:
        super().__init__(seats.NAME)
        self.ready = True

    def predict(self, payload: Any, *_: object, **__: object) -> Any:
        """V1's dictionary of rows, or V2's tensors; answered alike."""
        if isinstance(payload, InferRequest):
            return _answered(payload, seats.predict(_columns(payload)))
        rows = payload["instances"]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return {"predictions": seats.predict(columns).tolist()}


def _columns(request: Any) -> dict[str, Any]:
    """In JSON a text is one, in binary it is its bytes."""
    columns = {tensor.name: tensor.as_numpy() for tensor in request.inputs}
    texts = [t.decode() if isinstance(t, bytes) else t for t in columns["stop"]]
    return {**columns, "stop": texts}


def _answered(request: Any, predicted: Any) -> Any:
    binary = request.use_binary_outputs
    output = InferOutput(seats.PREDICTION, list(predicted.shape), "FP64")
    output.set_data_from_numpy(predicted, binary_data=binary)
    return InferResponse(request.id, seats.NAME, [output], use_binary_outputs=binary)


if __name__ == "__main__":
    argparse.ArgumentParser(parents=[model_server.parser]).parse_args()
    ModelServer().start([Seats()])
