"""What retrains on Kubernetes."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from tests.contracts.published_systems.description import (
    BEARER,
    CLOUD_EVENT,
    EVENT,
    NAME,
    TEXT,
    THE_NAME,
    Operation,
    Published,
    exactly,
    read,
    write,
)

_KUBEFLOW_FILTER = re.escape(
    quote('{"predicates":[{"operation":"EQUALS","key":"display_name","string_value":"NAME"}]}')
).replace("NAME", NAME)

SYSTEMS: Mapping[str, Published] = {
    "argo": Published(
        source="https://github.com/argoproj/argo-workflows/blob/main/api/openapi-spec/swagger.json",
        settings={"namespace": "ml", "template": "retrain", "token_file": "token"},
        start=Operation(
            path="/api/v1/workflows/ml/submit",
            headers=write(BEARER),
            body=exactly(
                {
                    "namespace": {"const": "ml"},
                    "resourceKind": {"const": "WorkflowTemplate"},
                    "resourceName": {"const": "retrain"},
                },
                submitOptions=exactly(
                    {"name": THE_NAME},
                    parameters={
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[A-Za-z0-9_-]+="},
                    },
                    labels={"type": "string", "pattern": "^[a-z./-]+=[A-Za-z0-9._-]{1,63}$"},
                    serviceAccount=TEXT,
                    generateName=TEXT,
                ),
            ),
            good=(200, {"metadata": {"name": "retrain"}}),
            again=(409, {"code": 6, "message": "already exists"}),
        ),
        find=Operation(
            method="GET",
            path=f"/api/v1/workflows/ml/{NAME}\\?fields=status.phase",
            headers=read(BEARER),
        ),
        found='{"status": {"phase": "<word>"}}',
        states=("Pending Running", "Succeeded", "Failed Error"),
    ),
    "argo_events": Published(
        source="https://argoproj.github.io/argo-events/eventsources/setup/webhook/",
        settings={"token_file": "token"},
        url="/retrain",
        start=Operation(
            path="/retrain",
            headers={"authorization": BEARER, "content-type": CLOUD_EVENT},
            body=EVENT,
            good=(200, "success"),
        ),
    ),
    "kubeflow": Published(
        source="https://www.kubeflow.org/docs/components/pipelines/reference/api/"
        "kubeflow-pipeline-api-spec/",
        settings={"experiment_id": "e-1", "pipeline_id": "p-1", "token_file": "token"},
        url="/pipeline",
        start=Operation(
            path=r"/pipeline/apis/v2beta1/runs\?experiment_id=e-1",
            headers=write(BEARER),
            body=exactly(
                {"display_name": THE_NAME},
                description=TEXT,
                experiment_id={"const": "e-1"},
                pipeline_version_reference=exactly(
                    {"pipeline_id": {"const": "p-1"}}, pipeline_version_id=TEXT
                ),
                runtime_config=exactly({}, parameters={"type": "object"}, pipeline_root=TEXT),
                service_account=TEXT,
            ),
            good=(200, {"run_id": "1", "state": "PENDING"}),
        ),
        find=Operation(
            method="GET",
            path=r"/pipeline/apis/v2beta1/runs\?experiment_id=e-1&page_size=1&filter="
            + _KUBEFLOW_FILTER,
            headers=read(BEARER),
        ),
        found='{"runs": [{"run_id": "1", "state": "<word>"}]}',
        none=(200, {}),
        states=(
            "RUNTIME_STATE_UNSPECIFIED PENDING RUNNING CANCELING PAUSED",
            "SUCCEEDED",
            "FAILED CANCELED SKIPPED",
        ),
    ),
    "tekton": Published(
        source="https://tekton.dev/docs/triggers/eventlisteners/",
        settings={},
        start=Operation(
            path="/",
            headers={"content-type": CLOUD_EVENT},
            body=EVENT,
            good=(202, {"eventListener": "retrain", "namespace": "ml", "eventID": "1"}),
        ),
    ),
}
