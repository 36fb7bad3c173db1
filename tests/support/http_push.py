"""A client of the collector's ingest listener."""

import http.client


def push(port: int, kind: str, body: bytes) -> int:
    """The status of the answer to a push of "predictions" or "labels"."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", f"/v1/{kind}", body)
        return connection.getresponse().status
    finally:
        connection.close()
