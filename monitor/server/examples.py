"""What the API answers, by example: added to its description, and tested to have the same keys."""

from typing import Any

from fastapi import FastAPI

Document = dict[str, Any]

_WINDOW = {"start": "2020-03-17T00:00:00Z", "end": "2020-03-18T00:00:00Z", "seconds": 86400.0}
_REPORT_ID = "report_5d8c1f0a7be24c9f8e3d6a1b2c4f5e60"
_ALERT_ID = "alert_0b6f1f7f3a5c4d0f9f7e2c1b8a9d0e3f"
_DELIVERY_ID = "delivery_9a1d4c7e2b5f48aab0c3d6e9f2a5b8c1"

_COLUMN = {
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

_REPORT = {
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
    "sample": None,
    "not_counted": {"from_the_future": 0, "too_late": 0},
}

_ALERT = {
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

_DELIVERY = {
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

_MONITOR = {
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

_REVISION = {
    "revision": 1,
    "status": "active",
    "reason": None,
    "reference": {"id": "sha256:d8e6b6a59b5f…"},
    "created_at": "2020-02-10T05:00:00Z",
    "document": _DOCUMENT,
}

_FIGURES = {
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

ANSWERS: dict[str, Document] = {
    "/api/v1/monitors": {"items": [_MONITOR], "next": None},
    "/api/v1/monitors/{name}": _MONITOR,
    "/api/v1/monitors/{name}/revisions": {"items": [_REVISION]},
    "/api/v1/monitors/{name}/reports": {"items": [_REPORT]},
    "/api/v1/monitors/{name}/windows": {"items": [_FIGURES]},
    "/api/v1/reports/{report_id}": _REPORT,
    "/api/v1/alerts": {"items": [_ALERT]},
    "/api/v1/alerts/{alert_id}": _ALERT,
    "/api/v1/deliveries": {"items": [_DELIVERY]},
    "/api/v1/deliveries/{delivery_id}": _DELIVERY,
}
"""What GET of a path answers."""


def describe(app: FastAPI) -> None:
    """Makes the application's description of itself hold the examples."""
    plain = app.openapi

    def described() -> Document:
        if app.openapi_schema is None:
            document = plain()
            for path, example in ANSWERS.items():
                answer = document["paths"][path]["get"]["responses"]["200"]
                answer["content"]["application/json"]["example"] = example
        assert app.openapi_schema is not None  # it was made just now, or before
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend it
