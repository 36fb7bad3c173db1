"""Serves the demo's model over HTTP with KServe's V1 and V2 protocols.

    python -m monitor.demo.model_server --repository models --port 8501

It serves the newest version in its repository; a POST to
`/v2/repository/models/free-seats/load` (the repository extension of V2) promotes a newer one.
"""

import argparse
from pathlib import Path

import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from monitor.demo import kserve
from monitor.demo.model import newest
from monitor.demo.rides import CATEGORIES, FEATURES
from monitor.demo.world import NAME, PREDICTION

Json = dict[str, object]


class Repository:
    """The model that is served now. Loading replaces it between two requests, never within."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.version, self._model = newest(folder)

    def load(self) -> int:
        """Serves the newest version from now on."""
        self.version, self._model = newest(self._folder)
        return self.version

    def infer_v1(self, body: object) -> Json:
        return kserve.v1_response(self._model.predict(kserve.v1_columns(body, FEATURES)))

    def infer_v2(self, body: object) -> Json:
        return kserve.v2_response(
            self._model.predict(kserve.v2_columns(body, FEATURES)),
            model=NAME,
            version=self.version,
            output=PREDICTION,
            request_id=body.get("id") if isinstance(body, dict) else None,
        )


def application(repository: Repository) -> FastAPI:
    """The model server's HTTP interface."""
    app = FastAPI(title="free-seats", docs_url=None, redoc_url=None)
    app.add_exception_handler(ValueError, _bad_request)
    _add_inference(app, repository)
    _add_metadata(app, repository)
    return app


def _add_inference(app: FastAPI, repository: Repository) -> None:
    @app.post(f"/v1/models/{NAME}:predict")
    async def predict(request: Request) -> JSONResponse:
        return JSONResponse(repository.infer_v1(orjson.loads(await request.body())))

    @app.post(f"/v2/models/{NAME}/infer")
    async def infer(request: Request) -> JSONResponse:
        return JSONResponse(repository.infer_v2(orjson.loads(await request.body())))

    @app.post(f"/v2/repository/models/{NAME}/load")
    async def load() -> Json:
        return {"name": NAME, "version": str(repository.load()), "state": "READY"}


def _add_metadata(app: FastAPI, repository: Repository) -> None:
    @app.get("/v1/models")
    async def models() -> Json:
        return {"models": [NAME]}

    @app.get(f"/v1/models/{NAME}")
    async def status() -> Json:
        return {"name": NAME, "ready": True}

    @app.get("/v2")
    async def server() -> Json:
        return {"name": "driftmeter-demo", "version": "1", "extensions": ["model_repository"]}

    @app.get("/v2/health/live")
    async def live() -> Json:
        return {"live": True}

    @app.get("/v2/health/ready")
    async def ready() -> Json:
        return {"ready": True}

    @app.get(f"/v2/models/{NAME}/ready")
    async def model_ready() -> Json:
        return {"name": NAME, "ready": True}

    @app.get(f"/v2/models/{NAME}")
    async def metadata() -> Json:
        return _metadata(repository.version)

    @app.post("/v2/repository/index")
    async def index() -> list[Json]:
        return [{"name": NAME, "version": str(repository.version), "state": "READY"}]


def _metadata(version: int) -> Json:
    def tensor(name: str) -> Json:
        return {"name": name, "datatype": "BYTES" if name in CATEGORIES else "FP64", "shape": [-1]}

    return {
        "name": NAME,
        "versions": [str(version)],
        "platform": "sklearn",
        "inputs": [tensor(name) for name in FEATURES],
        "outputs": [tensor(PREDICTION)],
    }


async def _bad_request(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=400)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m monitor.demo.model_server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repository", type=Path, required=True, help="folder of model versions")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    options = parser.parse_args()
    app = application(Repository(options.repository))
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
