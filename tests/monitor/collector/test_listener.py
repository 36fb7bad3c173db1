import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from monitor.collector.listener import Entrance
from monitor.collector.replies import reply

Send = Callable[[Any], Awaitable[None]]


async def hello(_scope: object, _receive: object, send: Send) -> None:
    await reply(send, 200, b"hello", "text/plain")


async def nothing_more() -> object:
    raise AssertionError("a probe has no body")


async def ask(entrance: Entrance, path: str) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: object) -> None:
        sent.append(message)

    await entrance({"type": "http", "path": path}, nothing_more, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(
    ("path", "is_ready", "status"),
    [
        ("/healthz", True, 200),
        ("/healthz", False, 200),
        ("/readyz", True, 200),
        ("/readyz", False, 503),
    ],
)
def test_probes_are_answered_before_the_rest_is_loaded(
    path: str, is_ready: bool, status: int
) -> None:
    async def probe() -> tuple[int, bytes]:
        return await ask(Entrance(lambda: is_ready), path)

    assert asyncio.run(probe())[0] == status


def test_what_comes_before_the_rest_is_loaded_waits_for_it() -> None:
    async def early() -> tuple[int, bytes]:
        entrance = Entrance(lambda: True)
        asked = asyncio.create_task(ask(entrance, "/v1/labels"))
        await asyncio.sleep(0)
        assert not asked.done()
        entrance.open(hello)
        return await asked

    assert asyncio.run(early()) == (200, b"hello")


def test_a_caller_who_gives_up_early_leaves_the_others_waiting() -> None:
    async def early() -> tuple[int, bytes]:
        entrance = Entrance(lambda: True)
        impatient, patient = (asyncio.create_task(ask(entrance, "/metrics")) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        entrance.open(hello)
        return await patient

    assert asyncio.run(early()) == (200, b"hello")
