"""The segments of a window as people read them: whom a change hits.

Reports that were written before segments were counted lack them; then there is nothing to show.
"""

from collections.abc import Mapping, Sequence

from monitor.server.wording import Document, figure, movement, percent, title_of

OTHERS = "all other values"


def by_column(report: Document) -> Sequence[Document]:
    """One table for each column that splits the rows; what changed most surely comes first."""
    found = report.get("segments", ())
    whole = {column["name"]: column["effect"] for column in report["columns"]}
    return [
        {
            "column": name,
            "rows": [
                _line(one, whole)
                for one in sorted((one for one in found if one["column"] == name), key=_surely)
            ],
        }
        for name in dict.fromkeys(one["column"] for one in found)
    ]


def _surely(segment: Document) -> tuple[float, float, int]:
    if not segment["moved"]:
        return (2.0, 0.0, -segment["n_rows"])
    first = segment["moved"][0]
    return (first["p_value"], -(first["effect"] or 0.0), -segment["n_rows"])


def _line(segment: Document, whole: Mapping[str, float | None]) -> Document:
    n_rows, n_outliers = segment["n_rows"], segment["n_outliers"]
    return {
        "name": OTHERS if segment["value"] is None else segment["value"],
        "n_rows": n_rows,
        "share": percent(segment["share"]),
        "reference_share": percent(segment["reference_share"]),
        "expected": _from_to(segment["expected"]),
        "realised": _from_to(segment["realised"]),
        "outliers": percent(n_outliers / n_rows if n_rows and n_outliers is not None else None),
        "moved": [_moved(one, whole.get(one["name"])) for one in segment["moved"]],
        "n_more": segment["n_moved"] - len(segment["moved"]),
    }


def _from_to(performance: Document | None) -> str:
    """How good the model is on the segment, and was on the same segment of the reference."""
    if performance is None or performance["value"] is None:
        return "–"
    return f"{figure(performance['reference'])} → {figure(performance['value'])}"


def _moved(one: Document, whole: float | None) -> Document:
    """whole: the effect on all rows."""
    effect = f"{figure(one['effect'])} {one['effect_unit']}"
    beside = "" if whole is None else f", {figure(whole)} of all rows"
    return {
        "name": one["name"],
        "said": f"{title_of(one['name'])} {movement(one)}",
        "effect": effect + beside,
    }
