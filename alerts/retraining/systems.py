"""What every system is asked, and how: one entry each, from its published API.

A request is made at least once, so each entry says by what a repeat is recognised: by a key of the
system's own, by a name that is taken, by looking for it first, or by who receives it.
"""

from collections.abc import Mapping
from urllib.parse import quote

from alerts.retraining import credentials
from alerts.retraining.calls import Call, Facts, Json, pointed
from alerts.retraining.system import Repeat, System, among, at, words

_EVENT_TYPE = "application/cloudevents+json; charset=utf-8"


def _jenkins_build(answer: Json, facts: Facts) -> Json:
    for build in pointed(answer, "/builds") or ():
        actions = pointed(build, "/actions") or ()
        given = [one for action in actions for one in (pointed(action, "/parameters") or ())]
        if any(pointed(one, "/value") == facts["id"] for one in given):
            return "BUILDING" if build.get("building") else build.get("result")
    return None


def _github_run(answer: Json, facts: Facts) -> Json:
    """Of a workflow whose `run-name` holds the id."""
    for run in pointed(answer, "/workflow_runs") or ():
        if facts["id"] in str(pointed(run, "/display_title")):
            return pointed(run, "/conclusion") or pointed(run, "/status")
    return None


def _dagster_fault(answer: Json) -> str | None:
    kind = pointed(answer, "/data/launchRun/__typename")
    if kind in ("LaunchRunSuccess", "RunConflict"):
        return None
    return f"Dagster answered {kind}" if kind else "Dagster answered an error of GraphQL"


_KUBEFLOW_FILTER = quote(
    '{"predicates":[{"operation":"EQUALS","key":"display_name","string_value":"<name>"}]}'
).replace("%3Cname%3E", "{name}")

_DAGSTER_TAG = "driftmeter/retrain"
_DAGSTER_LAUNCH = (
    "mutation($params:ExecutionParams!){launchRun(executionParams:$params)"
    "{__typename ... on LaunchRunSuccess{run{runId}}}}"
)
_DAGSTER_FIND = (
    "query($id:String!){runsOrError(filter:{tags:[{key:"
    f'"{_DAGSTER_TAG}",value:$id'
    "}]},limit:1){... on Runs{results{runId status}}}}"
)
_AWS_TYPE = "application/x-amz-json-1.1"
_VERTEX = "/v1/projects/{project}/locations/{location}/pipelineJobs"


SYSTEMS: Mapping[str, System] = {
    "airflow": System(
        start=Call(
            path="/api/v2/dags/{dag}/dagRuns",
            body={
                "dag_run_id": "{id}",
                "logical_date": None,
                "conf": {"event": "{event}"},
                "note": "{why}",
            },
        ),
        repeat=Repeat.CONFLICT,
        credential=credentials.airflow,
        find=Call(method="GET", path="/api/v2/dags/{dag}/dagRuns/{id}"),
        read=at("/state"),
        words=words(running="queued running", succeeded="success", failed="failed"),
    ),
    "airflow2": System(
        start=Call(
            path="/api/v1/dags/{dag}/dagRuns",
            body={"dag_run_id": "{id}", "conf": {"event": "{event}"}, "note": "{why}"},
        ),
        repeat=Repeat.CONFLICT,
        find=Call(method="GET", path="/api/v1/dags/{dag}/dagRuns/{id}"),
        read=at("/state"),
        words=words(running="queued running restarting", succeeded="success", failed="failed"),
    ),
    "argo": System(
        start=Call(
            path="/api/v1/workflows/{namespace}/submit",
            body={
                "namespace": "{namespace}",
                "resourceKind": "WorkflowTemplate",
                "resourceName": "{template}",
                "submitOptions": {
                    "name": "{name}",
                    "parameters": "{parameter_pairs}",
                    "labels": "driftmeter.dev/monitor={monitor}",
                    "serviceAccount": "{service_account}",
                },
            },
        ),
        repeat=Repeat.CONFLICT,
        find=Call(method="GET", path="/api/v1/workflows/{namespace}/{name}?fields=status.phase"),
        read=at("/status/phase"),
        words=words(running="Pending Running", succeeded="Succeeded", failed="Failed Error"),
    ),
    "argo_events": System(
        start=Call(headers={"content-type": _EVENT_TYPE}, body="{event}"), repeat=Repeat.RECEIVER
    ),
    "dagster": System(
        start=Call(
            path="/graphql",
            body={
                "query": _DAGSTER_LAUNCH,
                "variables": {
                    "params": {
                        "selector": {
                            "repositoryLocationName": "{location}",
                            "repositoryName": "{repository}",
                            "jobName": "{job}",
                        },
                        "runConfigData": "{run_config}",
                        "executionMetadata": {
                            "tags": [
                                {"key": _DAGSTER_TAG, "value": "{id}"},
                                {"key": "driftmeter/monitor", "value": "{monitor}"},
                            ]
                        },
                    }
                },
            },
        ),
        repeat=Repeat.LOOK,
        credential=credentials.dagster,
        find=Call(path="/graphql", body={"query": _DAGSTER_FIND, "variables": {"id": "{id}"}}),
        read=at("/data/runsOrError/results/0/status"),
        words=words(
            running="QUEUED NOT_STARTED MANAGED STARTING STARTED CANCELING",
            succeeded="SUCCESS",
            failed="FAILURE CANCELED",
        ),
        fault=_dagster_fault,
    ),
    "github": System(
        start=Call(
            path="/repos/{owner}/{repository}/dispatches",
            headers={
                "accept": "application/vnd.github+json",
                "x-github-api-version": "2022-11-28",
            },
            body={"event_type": "{event_type}", "client_payload": "{event}"},
        ),
        repeat=Repeat.LOOK,
        find=Call(
            method="GET",
            path="/repos/{owner}/{repository}/actions/runs?event=repository_dispatch&per_page=100",
            headers={
                "accept": "application/vnd.github+json",
                "x-github-api-version": "2022-11-28",
            },
        ),
        read=_github_run,
        words=words(
            running="queued in_progress waiting requested pending",
            succeeded="success",
            failed="failure cancelled timed_out startup_failure stale skipped neutral "
            "action_required",
        ),
    ),
    "gitlab": System(
        start=Call(
            path="/api/v4/projects/{project}/trigger/pipeline",
            body={
                "token": "{token}",
                "ref": "{ref}",
                "variables": {
                    "DRIFTMETER_RETRAIN": "{id}",
                    "DRIFTMETER_MONITOR": "{monitor}",
                    "DRIFTMETER_EVENT": "{event_text}",
                },
            },
        ),
        repeat=Repeat.LOOK,
        credential=credentials.gitlab,
        find=Call(
            method="GET", path="/api/v4/projects/{project}/pipelines?source=trigger&name={id}"
        ),
        needs="api_token",
        read=at("/0/status"),
        words=words(
            running="created waiting_for_resource preparing pending running manual scheduled",
            succeeded="success",
            failed="failed canceled canceling skipped",
        ),
    ),
    "http": System(
        start=Call(headers={"content-type": _EVENT_TYPE}, body="{event}"),
        repeat=Repeat.RECEIVER,
        find=Call(method="GET"),
        needs="status_url",
        read=at("/state"),
        words=words(running="running", succeeded="succeeded", failed="failed"),
    ),
    "jenkins": System(
        start=Call(path="/buildWithParameters", form=True, body="{parameter_texts}"),
        repeat=Repeat.LOOK,
        find=Call(
            method="GET",
            path="/api/json?tree=builds[building,result,actions[parameters[name,value]]]",
        ),
        read=_jenkins_build,
        words=words(
            running="BUILDING", succeeded="SUCCESS", failed="FAILURE UNSTABLE ABORTED NOT_BUILT"
        ),
    ),
    "kubeflow": System(
        start=Call(
            path="/apis/v2beta1/runs?experiment_id={experiment_id}",
            body={
                "display_name": "{name}",
                "description": "{why}",
                "experiment_id": "{experiment_id}",
                "pipeline_version_reference": {
                    "pipeline_id": "{pipeline_id}",
                    "pipeline_version_id": "{pipeline_version_id}",
                },
                "runtime_config": {"parameters": "{parameters}"},
                "service_account": "{service_account}",
            },
        ),
        repeat=Repeat.LOOK,
        find=Call(
            method="GET",
            path="/apis/v2beta1/runs?experiment_id={experiment_id}&page_size=1"
            f"&filter={_KUBEFLOW_FILTER}",
        ),
        read=at("/runs/0/state"),
        words=words(
            running="RUNTIME_STATE_UNSPECIFIED PENDING RUNNING CANCELING PAUSED",
            succeeded="SUCCEEDED",
            failed="FAILED CANCELED SKIPPED",
        ),
    ),
    "mlflow": System(
        start=Call(
            path="/api/2.0/mlflow/runs/create",
            body={
                "experiment_id": "{experiment_id}",
                "run_name": "{name}",
                "start_time": "{now_ms}",
                "tags": [
                    {"key": "driftmeter.retrain", "value": "{id}"},
                    {"key": "driftmeter.monitor", "value": "{monitor}"},
                    {"key": "mlflow.note.content", "value": "{why}"},
                ],
            },
        ),
        repeat=Repeat.LOOK,
        find=Call(
            path="/api/2.0/mlflow/runs/search",
            body={
                "experiment_ids": ["{experiment_id}"],
                "filter": "tags.`driftmeter.retrain` = '{id}'",
                "max_results": 1,
            },
        ),
        read=at("/runs/0/info/status"),
        words=words(running="RUNNING SCHEDULED", succeeded="FINISHED", failed="FAILED KILLED"),
    ),
    "mlrun": System(
        start=Call(
            path="/api/v1/projects/{project}/workflows/{workflow}/submit",
            body={"arguments": "{parameters}", "run_name": "{name}"},
        ),
        repeat=Repeat.LOOK,
        find=Call(method="GET", path="/api/v1/runs?project={project}&name={name}"),
        read=at("/runs/0/status/state"),
        words=words(
            running="created pending running aborting unknown",
            succeeded="completed",
            failed="error aborted",
        ),
    ),
    "prefect": System(
        start=Call(
            path="/deployments/{deployment}/create_flow_run",
            body={
                "name": "{name}",
                "parameters": "{parameters}",
                "idempotency_key": "{id}",
                "tags": ["driftmeter"],
            },
        ),
        repeat=Repeat.KEY,
        find=Call(
            path="/flow_runs/filter",
            body={"flow_runs": {"idempotency_key": {"any_": ["{id}"]}}, "limit": 1},
        ),
        read=at("/0/state_type"),
        words=words(
            running="SCHEDULED PENDING RUNNING PAUSED CANCELLING",
            succeeded="COMPLETED",
            failed="FAILED CANCELLED CRASHED",
        ),
    ),
    "sagemaker": System(
        start=Call(
            path="/",
            headers={
                "content-type": _AWS_TYPE,
                "x-amz-target": "SageMaker.StartPipelineExecution",
            },
            body={
                "PipelineName": "{pipeline}",
                "ClientRequestToken": "{name}",
                "PipelineExecutionDisplayName": "{name}",
                "PipelineExecutionDescription": "{why}",
                "PipelineParameters": "{parameter_names}",
            },
        ),
        repeat=Repeat.KEY,
        credential=credentials.aws,
        find=Call(
            path="/",
            headers={
                "content-type": _AWS_TYPE,
                "x-amz-target": "SageMaker.ListPipelineExecutions",
            },
            body={"PipelineName": "{pipeline}", "SortOrder": "Descending", "MaxResults": 100},
        ),
        read=among(
            "/PipelineExecutionSummaries",
            "/PipelineExecutionDisplayName",
            "name",
            "/PipelineExecutionStatus",
        ),
        words=words(running="Executing Stopping", succeeded="Succeeded", failed="Failed Stopped"),
    ),
    "tekton": System(
        start=Call(headers={"content-type": _EVENT_TYPE}, body="{event}"), repeat=Repeat.RECEIVER
    ),
    "vertex": System(
        start=Call(
            path=f"{_VERTEX}?pipelineJobId={{name}}",
            body={
                "displayName": "{name}",
                "templateUri": "{template_uri}",
                "serviceAccount": "{service_account}",
                "runtimeConfig": {
                    "gcsOutputDirectory": "{output}",
                    "parameterValues": "{parameters}",
                },
            },
        ),
        repeat=Repeat.CONFLICT,
        find=Call(method="GET", path=f"{_VERTEX}/{{name}}"),
        read=at("/state"),
        words={
            f"PIPELINE_STATE_{word}": state
            for word, state in words(
                running="UNSPECIFIED QUEUED PENDING RUNNING CANCELLING PAUSED",
                succeeded="SUCCEEDED",
                failed="FAILED CANCELLED",
            ).items()
        },
    ),
}
