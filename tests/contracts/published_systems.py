"""What systems that retrain publish of their APIs, written down from their documents.

A request must fit its description to the letter: method, path and query, headers, every member of
the body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = Any

ID = r"retrain_[0-9a-f]{32}"
NAME = r"retrain-[0-9a-f]{32}"

TEXT = {"type": "string", "minLength": 1}
THE_ID = {"type": "string", "pattern": f"^{ID}$"}
THE_NAME = {"type": "string", "pattern": f"^{NAME}$"}
EVENT = {
    "type": "object",
    "required": ["specversion", "id", "type", "source", "time", "datacontenttype", "data"],
    "properties": {"specversion": {"const": "1.0"}, "id": THE_ID},
}
BEARER, BASIC = r"Bearer secret-of-token", r"Basic dXNlcjpzZWNyZXQtb2YtcGFzc3dvcmQ="
JSON_TYPE, CLOUD_EVENT = r"application/json", r"application/cloudevents\+json; charset=utf-8"


def exactly(required: dict[str, Json], **optional: Json) -> dict[str, Json]:
    """The schema of an object that has these members and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def every(schema: Json) -> dict[str, Json]:
    """The schema of a map with values of one kind."""
    return {"type": "object", "minProperties": 1, "additionalProperties": schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of an API. path: a pattern, of the path with its query.

    good, again: status and body of the answer to a request, and to the same once more.
    """

    path: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": JSON_TYPE})
    body: Json = None
    form: Json = None
    good: tuple[int, Json] = (200, {})
    again: tuple[int, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """source: where it is published. settings: of a document that asks this system, without URL.

    find: gives what became of a run, and `found` its answer for one of the published `states`,
    which are the words for running, for succeeded and for failed.
    """

    source: str
    settings: Mapping[str, Json]
    start: Operation
    states: tuple[str, str, str] = ("", "", "")
    find: Operation | None = None
    found: str = ""
    none: tuple[int, Json] = (404, {})
    login: Operation | None = None
    url: str = ""


def read(authorization: str) -> dict[str, str]:
    return {"authorization": authorization}


def write(authorization: str) -> dict[str, str]:
    return {"authorization": authorization, "content-type": JSON_TYPE}


_JWT = r"Bearer a\.jwt"
_KUBEFLOW_FILTER = re.escape(
    quote('{"predicates":[{"operation":"EQUALS","key":"display_name","string_value":"NAME"}]}')
).replace("NAME", NAME)
_GITHUB = {
    "authorization": BEARER,
    "accept": r"application/vnd\.github\+json",
    "x-github-api-version": "2022-11-28",
}
_AWS = {
    "authorization": r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/sagemaker/"
    r"aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
    r"Signature=[0-9a-f]{64}",
    "x-amz-date": r"\d{8}T\d{6}Z",
    "content-type": r"application/x-amz-json-1\.1",
}

SYSTEMS: Mapping[str, Published] = {
    "airflow": Published(
        source="https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html",
        settings={"dag": "retrain", "username": "user", "password_file": "password"},
        login=Operation(
            path="/auth/token",
            body=exactly(
                {"username": {"const": "user"}, "password": {"const": "secret-of-password"}}
            ),
            good=(201, {"access_token": "a.jwt"}),
        ),
        start=Operation(
            path="/api/v2/dags/retrain/dagRuns",
            headers=write(_JWT),
            body=exactly(
                {"logical_date": {"type": ["string", "null"]}},
                dag_run_id={"type": ["string", "null"], "pattern": "^[A-Za-z0-9_.~:+-]+$"},
                conf={"type": "object", "properties": {"event": EVENT}},
                note={"type": ["string", "null"]},
                run_after={"type": ["string", "null"]},
            ),
            good=(200, {"dag_run_id": "", "state": "queued"}),
            again=(409, {"detail": "DAGRun already exists"}),
        ),
        find=Operation(method="GET", path=f"/api/v2/dags/retrain/dagRuns/{ID}", headers=read(_JWT)),
        found='{"dag_run_id": "<id>", "state": "<word>"}',
        states=("queued running", "success", "failed"),
    ),
    "airflow 2": Published(
        source="https://airflow.apache.org/docs/apache-airflow/2.10.5/stable-rest-api-ref.html",
        settings={
            "dag": "retrain",
            "version": 2,
            "username": "user",
            "password_file": "password",
        },
        start=Operation(
            path="/api/v1/dags/retrain/dagRuns",
            headers=write(BASIC),
            body=exactly(
                {},
                dag_run_id={"type": ["string", "null"]},
                logical_date={"type": "string"},
                conf={"type": "object", "properties": {"event": EVENT}},
                note={"type": ["string", "null"]},
            ),
            again=(409, {"title": "Conflict"}),
        ),
        find=Operation(
            method="GET", path=f"/api/v1/dags/retrain/dagRuns/{ID}", headers=read(BASIC)
        ),
        found='{"dag_run_id": "<id>", "state": "<word>"}',
        states=("queued running", "success", "failed"),
    ),
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
    "dagster": Published(
        source="https://docs.dagster.io/api/graphql",
        settings={"location": "models", "job": "retrain", "token_file": "token"},
        start=Operation(
            path="/graphql",
            headers={"dagster-cloud-api-token": "secret-of-token", "content-type": JSON_TYPE},
            body=exactly(
                {
                    "query": {"type": "string", "pattern": "^mutation.*launchRun"},
                    "variables": exactly(
                        {
                            "params": exactly(
                                {
                                    "selector": exactly(
                                        {
                                            "repositoryName": TEXT,
                                            "repositoryLocationName": {"const": "models"},
                                        },
                                        jobName={"const": "retrain"},
                                        pipelineName=TEXT,
                                    )
                                },
                                runConfigData={"type": ["object", "string"]},
                                mode=TEXT,
                                executionMetadata=exactly(
                                    {},
                                    tags={
                                        "type": "array",
                                        "items": exactly({"key": TEXT, "value": TEXT}),
                                    },
                                ),
                            )
                        }
                    ),
                }
            ),
            good=(
                200,
                {"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "1"}}}},
            ),
        ),
        find=Operation(
            path="/graphql",
            headers={"dagster-cloud-api-token": "secret-of-token", "content-type": JSON_TYPE},
            body=exactly(
                {
                    "query": {"type": "string", "pattern": "^query.*runsOrError"},
                    "variables": exactly({"id": THE_ID}),
                }
            ),
        ),
        found='{"data": {"runsOrError": {"results": [{"runId": "1", "status": "<word>"}]}}}',
        none=(200, {"data": {"runsOrError": {"results": []}}}),
        states=(
            "QUEUED NOT_STARTED MANAGED STARTING STARTED CANCELING",
            "SUCCESS",
            "FAILURE CANCELED",
        ),
    ),
    "github": Published(
        source="https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event",
        settings={"repository": "transit/models", "token_file": "token"},
        start=Operation(
            path="/repos/transit/models/dispatches",
            headers={**_GITHUB, "content-type": JSON_TYPE},
            body=exactly(
                {"event_type": {"type": "string", "minLength": 1, "maxLength": 100}},
                client_payload={**EVENT, "maxProperties": 10},
            ),
            good=(204, None),
        ),
        find=Operation(
            method="GET",
            path=r"/repos/transit/models/actions/runs\?event=repository_dispatch&per_page=100",
            headers=_GITHUB,
        ),
        found='{"workflow_runs": [{"display_title": "Retrain <id>", "status": "completed", '
        '"conclusion": "<word>"}]}',
        none=(200, {"total_count": 0, "workflow_runs": []}),
        states=(
            "queued in_progress waiting requested pending",
            "success",
            "failure cancelled timed_out",
        ),
    ),
    "gitlab": Published(
        source="https://docs.gitlab.com/ci/triggers/",
        settings={"project": "transit/models", "token_file": "token", "api_token_file": "password"},
        start=Operation(
            path="/api/v4/projects/transit%2Fmodels/trigger/pipeline",
            headers={"content-type": JSON_TYPE},
            body=exactly(
                {"token": {"const": "secret-of-token"}, "ref": {"const": "main"}},
                variables=every(TEXT),
                inputs=every(TEXT),
            ),
            good=(201, {"id": 7, "status": "created"}),
        ),
        find=Operation(
            method="GET",
            path=f"/api/v4/projects/transit%2Fmodels/pipelines\\?source=trigger&name={ID}",
            headers={"private-token": "secret-of-password"},
        ),
        found='[{"id": 7, "status": "<word>"}]',
        none=(200, []),
        states=(
            "created waiting_for_resource preparing pending running manual scheduled",
            "success",
            "failed canceled skipped",
        ),
    ),
    "http": Published(
        source="docs/retraining.md",
        settings={"token_file": "token", "status_url": "URL/status/{id}"},
        url="/retrain",
        start=Operation(
            path="/retrain",
            headers={"authorization": BEARER, "content-type": CLOUD_EVENT},
            body=EVENT,
            good=(202, None),
        ),
        find=Operation(method="GET", path=f"/status/{ID}", headers=read(BEARER)),
        found='{"state": "<word>"}',
        states=("running", "succeeded", "failed"),
    ),
    "jenkins": Published(
        source="https://www.jenkins.io/doc/book/using/remote-access-api/",
        settings={"job": "ml/retrain", "username": "user", "password_file": "password"},
        start=Operation(
            path="/job/ml/job/retrain/buildWithParameters",
            headers={
                "authorization": BASIC,
                "content-type": "application/x-www-form-urlencoded",
            },
            form=exactly({"RETRAIN_ID": THE_ID}, event=TEXT),
            good=(201, None),
        ),
        find=Operation(
            method="GET",
            path=re.escape(
                "/job/ml/job/retrain/api/json?tree="
                + quote("builds[building,result,actions[parameters[name,value]]]", safe=",")
            ),
            headers=read(BASIC),
        ),
        found='{"builds": [{"building": false, "result": "<word>", "actions": [{}, '
        '{"parameters": [{"name": "RETRAIN_ID", "value": "<id>"}]}]}]}',
        none=(200, {"builds": [{"building": False, "result": "SUCCESS", "actions": [{}]}]}),
        states=("BUILDING", "SUCCESS", "FAILURE UNSTABLE ABORTED NOT_BUILT"),
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
    "mlflow": Published(
        source="https://mlflow.org/docs/latest/api_reference/rest-api.html",
        settings={"experiment_id": "3", "username": "user", "password_file": "password"},
        start=Operation(
            path="/api/2.0/mlflow/runs/create",
            headers=write(BASIC),
            body=exactly(
                {},
                experiment_id={"const": "3"},
                run_name=TEXT,
                start_time={"type": "integer"},
                tags={"type": "array", "items": exactly({"key": TEXT, "value": TEXT})},
            ),
            good=(200, {"run": {"info": {"run_id": "1", "status": "RUNNING"}}}),
        ),
        find=Operation(
            path="/api/2.0/mlflow/runs/search",
            headers=write(BASIC),
            body=exactly(
                {"experiment_ids": {"const": ["3"]}},
                filter={"type": "string", "pattern": f"^tags.`driftmeter.retrain` = '{ID}'$"},
                max_results={"type": "integer"},
                order_by={"type": "array"},
            ),
        ),
        found='{"runs": [{"info": {"status": "<word>"}}]}',
        none=(200, {}),
        states=("RUNNING SCHEDULED", "FINISHED", "FAILED KILLED"),
    ),
    "mlrun": Published(
        source="https://docs.mlrun.org/en/stable/api/index.html",
        settings={"project": "transit", "workflow": "retrain", "token_file": "token"},
        start=Operation(
            path="/api/v1/projects/transit/workflows/retrain/submit",
            headers=write(BEARER),
            body=exactly(
                {},
                spec={"type": "object"},
                arguments={"type": "object"},
                artifact_path=TEXT,
                source=TEXT,
                run_name=TEXT,
                namespace=TEXT,
            ),
            good=(202, {"project": "transit", "name": "retrain", "run_id": "1"}),
        ),
        find=Operation(
            method="GET",
            path=f"/api/v1/runs\\?project=transit&name={NAME}",
            headers=read(BEARER),
        ),
        found='{"runs": [{"status": {"state": "<word>"}}]}',
        none=(200, {"runs": []}),
        states=("created pending running aborting", "completed", "error aborted"),
    ),
    "prefect": Published(
        source="https://docs.prefect.io/v3/api-ref/rest-api/server/deployments/"
        "create-flow-run-from-deployment",
        settings={
            "deployment": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "token_file": "token",
        },
        url="/api",
        start=Operation(
            path="/api/deployments/3fa85f64-5717-4562-b3fc-2c963f66afa6/create_flow_run",
            headers=write(BEARER),
            body=exactly(
                {},
                name=TEXT,
                parameters={"type": "object"},
                tags={"type": "array", "items": TEXT},
                idempotency_key=THE_ID,
                state={"type": "object"},
                labels={"type": "object"},
            ),
            good=(201, {"id": "1", "state_type": "SCHEDULED"}),
            again=(200, {"id": "1", "state_type": "RUNNING"}),
        ),
        find=Operation(
            path="/api/flow_runs/filter",
            headers=write(BEARER),
            body=exactly(
                {},
                flow_runs=exactly(
                    {},
                    idempotency_key=exactly(
                        {}, any_={"type": "array", "items": THE_ID}, not_any_={"type": "array"}
                    ),
                ),
                limit={"type": "integer"},
                sort=TEXT,
                offset={"type": "integer"},
            ),
        ),
        found='[{"id": "1", "state_type": "<word>"}]',
        none=(200, []),
        states=(
            "SCHEDULED PENDING RUNNING PAUSED CANCELLING",
            "COMPLETED",
            "FAILED CANCELLED CRASHED",
        ),
    ),
    "sagemaker": Published(
        source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
        "API_StartPipelineExecution.html",
        settings={"region": "eu-west-1", "pipeline": "retrain", "credentials_file": "aws"},
        start=Operation(
            path="/",
            headers={**_AWS, "x-amz-target": r"SageMaker\.StartPipelineExecution"},
            body=exactly(
                {
                    "PipelineName": {"const": "retrain"},
                    "ClientRequestToken": {"type": "string", "minLength": 32, "maxLength": 128},
                },
                PipelineExecutionDisplayName={
                    "type": "string",
                    "maxLength": 82,
                    "pattern": "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
                },
                PipelineExecutionDescription={"type": "string", "maxLength": 3072},
                PipelineParameters={
                    "type": "array",
                    "maxItems": 200,
                    "items": exactly({"Name": {"type": "string", "maxLength": 256}, "Value": TEXT}),
                },
            ),
            good=(200, {"PipelineExecutionArn": "arn:aws:sagemaker:1"}),
        ),
        find=Operation(
            path="/",
            headers={**_AWS, "x-amz-target": r"SageMaker\.ListPipelineExecutions"},
            body=exactly(
                {"PipelineName": {"const": "retrain"}},
                SortOrder={"enum": ["Ascending", "Descending"]},
                MaxResults={"type": "integer", "minimum": 1, "maximum": 100},
            ),
        ),
        found='{"PipelineExecutionSummaries": [{"PipelineExecutionDisplayName": "another", '
        '"PipelineExecutionStatus": "Failed"}, {"PipelineExecutionDisplayName": "<name>", '
        '"PipelineExecutionStatus": "<word>"}]}',
        none=(200, {"PipelineExecutionSummaries": []}),
        states=("Executing Stopping", "Succeeded", "Failed Stopped"),
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
    "vertex": Published(
        source="https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/"
        "projects.locations.pipelineJobs/create",
        settings={
            "project": "transit",
            "location": "europe-west1",
            "template_uri": "https://europe-west1-kfp.pkg.dev/transit/models/retrain/v1",
            "output": "gs://transit/runs",
            "token_file": "token",
        },
        start=Operation(
            path=r"/v1/projects/transit/locations/europe-west1/pipelineJobs"
            rf"\?pipelineJobId={NAME}",
            headers=write(BEARER),
            body=exactly(
                {
                    "runtimeConfig": exactly(
                        {"gcsOutputDirectory": {"type": "string", "pattern": "^gs://"}},
                        parameterValues={"type": "object"},
                    )
                },
                displayName={"type": "string", "maxLength": 128},
                templateUri=TEXT,
                serviceAccount=TEXT,
            ),
            again=(409, {"error": {"status": "ALREADY_EXISTS"}}),
        ),
        find=Operation(
            method="GET",
            path=f"/v1/projects/transit/locations/europe-west1/pipelineJobs/{NAME}",
            headers=read(BEARER),
        ),
        found='{"state": "PIPELINE_STATE_<word>"}',
        states=(
            "QUEUED PENDING RUNNING CANCELLING PAUSED",
            "SUCCEEDED",
            "FAILED CANCELLED",
        ),
    ),
}
