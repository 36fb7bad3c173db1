"""Platforms of machine learning, and clouds."""

from collections.abc import Mapping

from tests.contracts.published_systems.description import (
    BASIC,
    BEARER,
    ID,
    NAME,
    TEXT,
    Operation,
    Published,
    exactly,
    read,
    write,
)

_AWS = {
    "authorization": r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/sagemaker/"
    r"aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
    r"Signature=[0-9a-f]{64}",
    "x-amz-date": r"\d{8}T\d{6}Z",
    "content-type": r"application/x-amz-json-1\.1",
}

SYSTEMS: Mapping[str, Published] = {
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
