"""What MLflow serves: a model from code. Run by the Python of its environment, it saves itself.

python -m benchmarks.real_servers.mlflow_seats FOLDER
"""

import sys
from typing import Any

import mlflow.pyfunc
from mlflow.models import set_model

from benchmarks.real_servers import seats


class Seats(mlflow.pyfunc.PythonModel):  # type: ignore[misc] # mlflow is in an environment of its own
    def predict(self, model_input: Any) -> Any:
        """From a frame of rows."""
        return seats.predict(model_input).tolist()


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=__file__, pip_requirements=[])
else:
    set_model(Seats())
