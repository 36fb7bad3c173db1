"""A flow that retrains nothing, for tests, served by this process as the deployment `nightly`."""

from typing import Any

from prefect import flow


@flow  # type: ignore[untyped-decorator]  # Prefect is in an environment of its own
def retrain(event: dict[str, Any]) -> str:
    return str(event["id"])


if __name__ == "__main__":
    retrain.serve(name="nightly", pause_on_shutdown=False)
