"""What the API answers, by type and by example: added to its description."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from monitor.apply import answers
from monitor.apply.reported import Column, Report, Window
from monitor.server.described import Answer
from monitor.server.operating_examples import OPERATING

Document = dict[str, Any]

_WINDOW: Window = {
    "start": "2020-03-17T00:00:00Z",
    "end": "2020-03-18T00:00:00Z",
    "seconds": 86400.0,
}
_REPORT_ID = "report_5d8c1f0a7be24c9f8e3d6a1b2c4f5e60"
_ALERT_ID = "alert_0b6f1f7f3a5c4d0f9f7e2c1b8a9d0e3f"
_DELIVERY_ID = "delivery_9a1d4c7e2b5f48aab0c3d6e9f2a5b8c1"

_COLUMN: Column = {
    "name": "boarded_last_15min",
    "type": "integer",
    "role": "feature",
    "reference": {
        "n": 8640,
        "missing": 0.019,
        "mean": 9.6,
        "quantiles": {"0.05": 2.0, "0.25": 5.0, "0.5": 9.0, "0.75": 13.0, "0.95": 20.0},
        "shares": None,
    },
    "current": {
        "n": 216,
        "missing": 0.023,
        "mean": 1.4,
        "quantiles": {"0.05": 0.0, "0.25": 0.0, "0.5": 1.0, "0.75": 2.0, "0.95": 4.0},
        "shares": None,
    },
    "unseen": 0.0,
    "statistics": {"kolmogorov_smirnov": 0.87, "wasserstein_sd": 1.52},
    "effect": 1.52,
    "effect_unit": "sd",
    "p_value": 3.1e-9,
    "evidence_share": 0.71,
    "named": True,
    "distribution": {
        "bars": ["≤ 2.5", "> 2.5"],
        "reference": [0.06, 0.94],
        "current": [0.82, 0.18],
        "edges": [0.0, 2.5, 28.0],
    },
}

_REPORT: Report = {
    "id": _REPORT_ID,
    "monitor": "free-seats",
    "window": _WINDOW,
    "revision": 1,
    "reference_id": "sha256:d8e6b6a59b5f…",
    "monitor_revision": 1,
    "n_rows": 216,
    "verdict": "drift",
    "reason": "strong window",
    "p_value": 4.2e-12,
    "evidence": 412.0,
    "threshold": 180.0,
    "provisional": False,
    "columns": [_COLUMN],
    "outliers": {"n_scored": 216, "n_flagged": 61, "false_discovery_rate": 0.1},
    "expected": {
        "metric": "mae",
        "value": 7.4,
        "reference": 5.6,
        "n": 216,
        "others": {},
        "coverage": None,
        "p_value": 0.0021,
    },
    "realised": None,
    "explanation": {
        "shift": "covariate shift",
        "because": "columns moved, and the model's error does not show it yet",
        "movements": [
            {
                "name": "boarded_last_15min",
                "share": 1.0,
                "weight": 1.0,
                "defects": 0.0,
                "piled_up": 0.3,
                "gained": [],
                "lost": [],
            }
        ],
        "correlations": [],
        "together": [],
    },
    "comparisons": [],
    "fairness": [],
    "quality": {"n_rows": 216, "issues": []},
    "n_seen": None,
    "caution": None,
    "versions": [],
    "segments": [
        {
            "column": "line",
            "value": "9",
            "n_rows": 54,
            "share": 0.25,
            "reference_share": 0.24,
            "n_moved": 1,
            "moved": [
                {
                    "name": "boarded_last_15min",
                    "what": "mean",
                    "reference": 11.2,
                    "current": 0.8,
                    "effect": 1.9,
                    "effect_unit": "sd",
                    "p_value": 2.2e-11,
                }
            ],
            "n_outliers": 21,
            "expected": None,
            "realised": None,
        }
    ],
    "serving": {
        "n_requests": 240,
        "n_refused": 3,
        "n_failed": 1,
        "error_share": 0.0167,
        "error_interval": [0.0065, 0.042],
        "latencies_s": {"0.5": 0.012, "0.95": 0.031, "0.99": 0.044},
        "latency_intervals_s": {
            "0.5": [0.011, 0.013],
            "0.95": [0.026, 0.04],
            "0.99": [0.034, 0.048],
        },
    },
    "sample": None,
    "not_counted": {"from_the_future": 0, "too_late": 0},
}

_ALERT: answers.Alert = {
    "id": _ALERT_ID,
    "monitor": "free-seats",
    "cause": "drift",
    "rule": "",
    "severity": "warning",
    "state": "firing",
    "telling": "told",
    "told": "firing",
    "started_at": "2020-03-17T00:00:00Z",
    "updated_at": "2020-03-18T00:00:00Z",
    "firing_at": "2020-03-18T00:00:00Z",
    "resolved_at": None,
    "window": {"start": _WINDOW["start"], "end": _WINDOW["end"]},
    "shift": "covariate shift",
    "because": "columns moved, and the model's error does not show it yet",
    "probable_cause": None,
    "reason": "strong window",
    "ruling": "fired",
    "measured": None,
    "evidence": 412.0,
    "threshold": 180.0,
    "columns": [
        {
            "name": "boarded_last_15min",
            "role": "feature",
            "what": "mean",
            "reference": 9.6,
            "current": 1.4,
            "effect": 1.52,
            "effect_unit": "sd",
        }
    ],
}

_DELIVERY: answers.Delivery = {
    "id": _DELIVERY_ID,
    "monitor": "free-seats",
    "kind": "alert",
    "endpoint": "on-call",
    "url": "https://hooks.example.com/driftmeter",
    "alert": _ALERT_ID,
    "state": "delivered",
    "created_at": "2020-03-18T00:00:04Z",
    "next_attempt_at": None,
    "payload": {"specversion": "1.0", "type": "driftmeter.alert.firing", "subject": "free-seats"},
    "attempts": [
        {
            "n": 1,
            "at": "2020-03-18T00:00:04Z",
            "duration_s": 0.18,
            "status": 204,
            "outcome": "delivered",
            "detail": "HTTP 204",
        }
    ],
}

_DOCUMENT = {
    "apiVersion": "driftmeter.dev/v1",
    "kind": "Monitor",
    "metadata": {"name": "free-seats", "labels": {"owner": "transit"}},
    "spec": {"reference": {"url": "/data/rides-2019.parquet"}, "windows": ["1d"]},
}

_MONITOR: answers.Monitor = {
    "name": "free-seats",
    "labels": {"owner": "transit"},
    "status": "active",
    "reason": None,
    "revision": 1,
    "active_revision": 1,
    "reference": {"id": "sha256:d8e6b6a59b5f…"},
    "state": "drift",
    "document": _DOCUMENT,
    "last_report": _REPORT,
    "alert": _ALERT,
}

_REVISION: answers.Revision = {
    "revision": 1,
    "status": "active",
    "reason": None,
    "reference": {"id": "sha256:d8e6b6a59b5f…"},
    "created_at": "2020-02-10T05:00:00Z",
    "document": _DOCUMENT,
}

_FIGURES: answers.Figures = {
    "report": _REPORT_ID,
    "start": _WINDOW["start"],
    "end": _WINDOW["end"],
    "seconds": 86400.0,
    "verdict": "drift",
    "n_rows": 216,
    "evidence": 412.0,
    "threshold": 180.0,
    "outlier_share": 0.28,
    "expected": 7.4,
    "expected_interval": [6.9, 7.9],
    "realised": None,
    "realised_interval": None,
}

_SILENCE: answers.Silence = {
    "id": "silence_4c7f8d1a5be24c07a5a3f6d2e1b4c7f8",
    "state": "active",
    "matchers": ["monitor=free-seats", "severity!=critical"],
    "namespaces": None,
    "weekly": None,
    "starts_at": "2020-03-18T08:00:00Z",
    "ends_at": "2020-03-18T10:00:00Z",
    "comment": "the tram line is rebuilt",
    "created_by": "ada",
    "created_at": "2020-03-18T07:58:12Z",
}

_ENDPOINT: answers.Endpoint = {
    "id": "endpoint_5f1c0a9d4e7b42c8",
    "kind": "webhook",
    "url": "https://hooks.example.com/driftmeter",
    "told_by": [{"monitor": "free-seats", "name": "on-call"}],
    "state": "working",
    "reason": None,
    "failures": 0,
    "failing_since": None,
    "disabled_at": None,
    "waiting": 0,
}

_RETRAIN: answers.Retrain = {
    "id": "retrain_7b2c4d6e8f0a41c3b5d7e9f1a3b5c7d9",
    "monitor": "free-seats",
    "subscription": "nightly",
    "alert": _ALERT_ID,
    "cause": "drift",
    "state": "requested",
    "at": "2020-03-18T00:00:00Z",
    "created_at": "2020-03-18T00:00:04Z",
    "sent_at": "2020-03-18T00:00:05Z",
    "answer_by": "2020-03-18T06:00:05Z",
    "history": [
        {"state": "requested", "at": "2020-03-18T00:00:04Z", "by": "detect", "detail": None}
    ],
    "promoted": None,
    "request": {"specversion": "1.0", "type": "driftmeter.retrain.requested"},
}

_NAMESPACE: answers.Namespace = {
    "name": "transit",
    "used": {"monitors": 12, "columns": 340, "reports": 25_920},
    "quota": {
        "monitors": 200,
        "columns": 20_000,
        "rows_per_second": 20_000.0,
        "spool": 536_870_912,
        "reports": None,
    },
}

_DECLARED: answers.Declared = {"name": "free-seats", "revision": 1, "status": "resolving"}
_PAUSED: answers.Declared = {"name": "free-seats", "revision": 2, "status": "active"}


ANSWERS: Mapping[tuple[str, str], Answer] = {
    ("get", "/monitors"): Answer(answers.MonitorPage, {"items": [_MONITOR], "next": None}),
    ("get", "/monitors/{name}"): Answer(answers.Monitor, _MONITOR),
    ("put", "/monitors/{name}"): Answer(answers.Declared, _DECLARED),
    ("post", "/monitors/{name}/pause"): Answer(answers.Declared, _PAUSED),
    ("post", "/monitors/{name}/resume"): Answer(answers.Declared, _PAUSED),
    ("get", "/monitors/{name}/revisions"): Answer(
        answers.Items[answers.Revision], {"items": [_REVISION]}
    ),
    ("get", "/monitors/{name}/reports"): Answer(answers.Items[Report], {"items": [_REPORT]}),
    ("get", "/monitors/{name}/windows"): Answer(
        answers.Items[answers.Figures], {"items": [_FIGURES]}
    ),
    ("get", "/reports/{report_id}"): Answer(Report, _REPORT),
    ("get", "/alerts"): Answer(answers.Items[answers.Alert], {"items": [_ALERT]}),
    ("get", "/alerts/{alert_id}"): Answer(answers.Alert, _ALERT),
    ("get", "/deliveries"): Answer(answers.Items[answers.Delivery], {"items": [_DELIVERY]}),
    ("get", "/deliveries/{delivery_id}"): Answer(answers.Delivery, _DELIVERY),
    ("post", "/deliveries/{delivery_id}/redeliver"): Answer(answers.Delivery, _DELIVERY),
    ("get", "/endpoints"): Answer(answers.Items[answers.Endpoint], {"items": [_ENDPOINT]}),
    ("post", "/endpoints/{endpoint_id}/enable"): Answer(answers.Endpoint, _ENDPOINT),
    ("get", "/silences"): Answer(answers.Items[answers.Silence], {"items": [_SILENCE]}),
    ("get", "/silences/{silence_id}"): Answer(answers.Silence, _SILENCE),
    ("post", "/silences"): Answer(answers.Silence, _SILENCE),
    ("get", "/retrains"): Answer(answers.Items[answers.Retrain], {"items": [_RETRAIN]}),
    ("get", "/retrains/{retrain_id}"): Answer(answers.Retrain, _RETRAIN),
    ("post", "/retrains/{retrain_id}/approve"): Answer(answers.Retrain, _RETRAIN),
    ("post", "/retrains/{retrain_id}/reject"): Answer(answers.Retrain, _RETRAIN),
    ("get", "/namespaces"): Answer(answers.Items[answers.Namespace], {"items": [_NAMESPACE]}),
    **OPERATING,
}
"""By method, and path below /api/v1."""


def describe(app: FastAPI) -> None:
    """Makes the application's description of itself hold the answers' types and examples."""
    plain = app.openapi

    def described() -> Document:
        if app.openapi_schema is None:
            _add_answers(plain())
        assert app.openapi_schema is not None  # it was made just now, or before
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _add_answers(document: Document) -> None:
    schemas, shared = TypeAdapter.json_schemas(
        [(key, "validation", TypeAdapter(answer.type)) for key, answer in ANSWERS.items()],
        ref_template="#/components/schemas/{model}",
    )
    described = document["components"]["schemas"]
    assert not described.keys() & shared["$defs"].keys()  # one would describe the other
    described |= shared["$defs"]
    for (method, path), answer in ANSWERS.items():
        responses = document["paths"][f"/api/v1{path}"][method]["responses"]
        [success] = [told for status, told in responses.items() if status.startswith("2")]
        success["content"]["application/json"] = {
            "schema": schemas[(method, path), "validation"],
            "example": answer.example,
        }
