"""What MLServer serves, over HTTP and gRPC; its settings are made by `starting`."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.real_servers import seats


class Seats(MLModel):  # type: ignore[misc] # mlserver is in an environment of its own
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One tensor a column, and one of the predictions."""
        columns = {
            tensor.name: (StringCodec if tensor.datatype == "BYTES" else NumpyCodec).decode_input(
                tensor
            )
            for tensor in payload.inputs
        }
        predicted = seats.predict(columns)
        output = NumpyCodec.encode_output(seats.PREDICTION, predicted)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])
