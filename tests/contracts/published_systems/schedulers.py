"""Schedulers, continuous integration, and any HTTP endpoint."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from tests.contracts.published_systems.description import (
    BASIC,
    BEARER,
    CLOUD_EVENT,
    EVENT,
    ID,
    JSON_TYPE,
    TEXT,
    THE_ID,
    Operation,
    Published,
    every,
    exactly,
    read,
    write,
)

_JWT = r"Bearer a\.jwt"

_GITHUB = {
    "authorization": BEARER,
    "accept": r"application/vnd\.github\+json",
    "x-github-api-version": "2022-11-28",
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
}
