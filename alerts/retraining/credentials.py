"""How each system wants to be shown who asks: a request in, the same request with it out."""

import base64
import configparser
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from alerts.channels.settings import SecretFileError
from alerts.retraining.calls import Request
from alerts.retraining.sigv4 import Key, Scope, signed

Settings = Mapping[str, Any]
Exchange = Callable[[Request], bytes]
"""Sends a request and gives the body of a good answer; raises RefusedError for any other."""
Credential = Callable[[Request, Settings, Exchange, float], Request]
"""Adds the credential to a request made at a time, in seconds since 1970."""


class RefusedError(Exception):
    """The system did not give what a request needs."""


def bearer(request: Request, settings: Settings, _exchange: Exchange, _now: float) -> Request:
    """A bearer token, or a user's name and password, or nothing: whichever is given."""
    if token := settings.get("token"):
        return _with(request, authorization=f"Bearer {token}")
    if username := settings.get("username"):
        pair = f"{username}:{settings['password']}".encode()
        return _with(request, authorization=f"Basic {base64.b64encode(pair).decode()}")
    return request


def airflow(request: Request, settings: Settings, exchange: Exchange, now: float) -> Request:
    """A token of Airflow 3, which is asked for with a name and a password unless it is given.

    https://airflow.apache.org/docs/apache-airflow/stable/security/api.html
    """
    if settings.get("token") or not settings.get("username"):
        return bearer(request, settings, exchange, now)
    asked = orjson.dumps({"username": settings["username"], "password": settings["password"]})
    headers = {"content-type": "application/json"}
    url = settings["url"].rstrip("/") + "/auth/token"
    answer = exchange(Request("POST", url, headers, asked))
    try:
        token = orjson.loads(answer)["access_token"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise RefusedError("/auth/token of Airflow gave no access_token") from None
    return _with(request, authorization=f"Bearer {token}")


def dagster(request: Request, settings: Settings, _exchange: Exchange, _now: float) -> Request:
    token = settings.get("token")
    return _with(request, **{"dagster-cloud-api-token": token}) if token else request


def gitlab(request: Request, settings: Settings, _exchange: Exchange, _now: float) -> Request:
    """A trigger's token is in the body; reading asks for a token of its own."""
    token = settings.get("api_token")
    return _with(request, **{"private-token": token}) if token else request


def aws(request: Request, settings: Settings, _exchange: Exchange, now: float) -> Request:
    """SigV4, with the key of an AWS credentials file."""
    headers = signed(
        _aws_key(settings["credentials"]),
        Scope(settings["region"], "sagemaker"),
        method=request.method,
        url=request.url,
        headers=request.headers,
        body=request.body,
        now=now,
    )
    return replace(request, headers=headers)


def _aws_key(text: str) -> Key:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        section = parser["default"]
        return Key(
            id=section["aws_access_key_id"],
            secret=section["aws_secret_access_key"],
            token=section.get("aws_session_token"),
        )
    except (configparser.Error, KeyError):
        raise SecretFileError(
            "the AWS credentials file needs a section [default] with aws_access_key_id and "
            "aws_secret_access_key"
        ) from None


def _with(request: Request, **headers: str) -> Request:
    return replace(request, headers={**request.headers, **headers})
