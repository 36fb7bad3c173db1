"""What the client gives is what OpenAPI says that the API answers."""

from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from monitor.apply.client import Client
from monitor.server.examples import ANSWERS

OPERATIONS: dict[Callable[..., Any], tuple[str, str]] = {
    Client.put_monitor: ("put", "/monitors/{name}"),
    Client.monitor: ("get", "/monitors/{name}"),
    Client.settle: ("get", "/monitors/{name}"),
    Client.monitors: ("get", "/monitors"),
    Client.pause_monitor: ("post", "/monitors/{name}/pause"),
    Client.revisions: ("get", "/monitors/{name}/revisions"),
    Client.reports: ("get", "/monitors/{name}/reports"),
    Client.windows: ("get", "/monitors/{name}/windows"),
    Client.alerts: ("get", "/alerts"),
    Client.deliveries: ("get", "/deliveries"),
    Client.delivery: ("get", "/deliveries/{delivery_id}"),
    Client.endpoints: ("get", "/endpoints"),
    Client.retrains: ("get", "/retrains"),
    Client.namespaces: ("get", "/namespaces"),
    Client.add_silence: ("post", "/silences"),
    Client.silences: ("get", "/silences"),
    Client.redeliver: ("post", "/deliveries/{delivery_id}/redeliver"),
    Client.try_channel: ("post", "/monitors/{name}/channels/{channel}/test"),
    Client.enable_endpoint: ("post", "/endpoints/{endpoint_id}/enable"),
    Client.retrain: ("get", "/retrains/{retrain_id}"),
    Client.decide_retrain: ("post", "/retrains/{retrain_id}/approve"),
    Client.tell_of_retrain: ("post", "/retrains/{retrain_id}/news"),
    Client.retrain_decisions: ("get", "/subscriptions/decisions"),
    Client.subscriptions: ("get", "/subscriptions"),
    Client.subscription: ("get", "/subscriptions/{name}"),
    Client.put_subscription: ("put", "/subscriptions/{name}"),
}


def item(answer: Any) -> Any:
    """Of what an answer is a list."""
    [found] = get_args(answer) or get_args(get_type_hints(answer)["items"])
    return found


@pytest.mark.parametrize(
    ("method", "operation"), OPERATIONS.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_the_client_gives_what_is_described(
    method: Callable[..., Any], operation: tuple[str, str]
) -> None:
    given, described = get_type_hints(method)["return"], ANSWERS[operation].type
    if get_origin(given) is list:
        given, described = item(given), item(described)
    assert given is described


def test_every_other_method_gives_nothing() -> None:
    methods = {name: one for name, one in vars(Client).items() if not name.startswith("_")}
    others = {name for name, one in methods.items() if one not in OPERATIONS}
    assert others == {"delete_monitor", "delete_subscription", "end_silence"}
