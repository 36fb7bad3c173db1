"""What the API answers to those who operate it, by type and by example."""

from collections.abc import Mapping

from monitor.apply import answers
from monitor.server.described import Answer

_RETRAIN_ID = "retrain_314fe407acbc753fceb994e0be3efc5b"

SUBSCRIPTION: answers.Subscription = {
    "apiVersion": "driftmeter.dev/v1",
    "kind": "RetrainSubscription",
    "metadata": {"name": "nightly"},
    "spec": {
        "select": {"labels": {"team": "transit"}},
        "causes": ["drift", "concept drift"],
        "cooldown": "7d",
        "start": {"airflow": {"url": "https://airflow.example", "dag": "retrain"}},
    },
}
_DECISION: answers.RetrainDecision = {
    "monitor": "free-seats",
    "subscription": "nightly",
    "alert": "alert_0b6f1f7f3a5c4d0f9f7e2c1b8a9d0e3f",
    "at": "2020-03-18T00:00:00Z",
    "answer": "cooling down",
}
_TAKEN: answers.Taken = {"id": _RETRAIN_ID, "state": "promoted", "changed": True, "revision": 2}
_TRIED: answers.Tried = {"deliveries": ["delivery_9a1d4c7e2b5f48aab0c3d6e9f2a5b8c1"]}
_LETTER: answers.DeadLetter = {
    "id": "17",
    "at": "2020-03-17T08:30:12Z",
    "monitor": "free-seats",
    "source": "driftmeter.predictions/1/42",
    "reason": "not an Arrow stream",
    "can_go_back": True,
    "bytes": 2311,
    "begins": "ARROW1",
}
_SENT: answers.SentBack = {"sent": ["17", "18"]}
_OUTLIER: answers.OutlyingRow = {
    "id": "ride-8271",
    "time": "2020-03-17T08:30:00Z",
    "p_value": 0.0004,
    "score": 7.1,
    "columns": [
        {"name": "headway_min", "share": 0.81, "value": 31.0},
        {"name": "vehicle", "share": 0.19, "value": "coupled"},
    ],
}
_TOKEN: answers.Token = {
    "id": "5f0c1e9a7b3d2468",
    "name": "grafana",
    "role": "viewer",
    "namespaces": None,
    "state": "active",
    "created_by": "ada",
    "created_at": "2020-03-01T09:00:00Z",
    "expires_at": "2021-03-01T09:00:00Z",
    "last_used_at": "2020-03-17T08:30:00Z",
}
_NEW_TOKEN: answers.NewToken = {**_TOKEN, "last_used_at": None, "token": "dm_its-secret"}
_CHANGE: answers.Change = {
    "n": 41,
    "at": "2020-03-17T08:30:00Z",
    "who": "ada",
    "role": "operator",
    "via": "token",
    "address": "10.2.0.7",
    "what": "Create or change a monitor",
    "method": "PUT",
    "path": "/api/v1/monitors/free-seats",
    "status": 202,
}

OPERATING: Mapping[tuple[str, str], Answer] = {
    ("get", "/subscriptions"): Answer(
        answers.Items[answers.Subscription], {"items": [SUBSCRIPTION]}
    ),
    ("get", "/subscriptions/decisions"): Answer(
        answers.Items[answers.RetrainDecision], {"items": [_DECISION]}
    ),
    ("get", "/subscriptions/{name}"): Answer(answers.Subscription, SUBSCRIPTION),
    ("put", "/subscriptions/{name}"): Answer(answers.Subscription, SUBSCRIPTION),
    ("post", "/retrains/{retrain_id}/callback"): Answer(answers.Taken, _TAKEN),
    ("post", "/retrains/{retrain_id}/news"): Answer(answers.Taken, _TAKEN),
    ("post", "/monitors/{name}/channels/{channel}/test"): Answer(answers.Tried, _TRIED),
    ("get", "/monitors/{name}/outliers"): Answer(
        answers.Items[answers.OutlyingRow], {"items": [_OUTLIER]}
    ),
    ("get", "/dead-letters"): Answer(answers.Items[answers.DeadLetter], {"items": [_LETTER]}),
    ("post", "/dead-letters/replay"): Answer(answers.SentBack, _SENT),
    ("get", "/tokens"): Answer(answers.Items[answers.Token], {"items": [_TOKEN]}),
    ("post", "/tokens"): Answer(answers.NewToken, _NEW_TOKEN),
    ("get", "/audit"): Answer(answers.Items[answers.Change], {"items": [_CHANGE]}),
}
"""By method, and path below /api/v1."""
