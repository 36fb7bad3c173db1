import asyncio
from functools import partial

import pytest
import uvicorn
from uvicorn.server import ServerState

from monitor.collector.access import Scope
from monitor.collector.listener import Receive, Send
from monitor.collector.listener_limits import LimitedProtocol

HEAD = b"POST /v1/labels HTTP/1.1\r\nHost: m\r\n"
PATIENCE_S = 60.0


class Hasty(LimitedProtocol):
    head_s = 0.2
    body_s = 0.2


async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer_to_one_who_trickles_after(begun: bytes) -> bytes:
    configuration = uvicorn.Config(read, ws="none", lifespan="off", log_config=None)
    configuration.load()
    protocol = partial(Hasty, configuration, ServerState(), {})
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(begun)
    answer = asyncio.create_task(reader.read(4096))
    async with asyncio.timeout(PATIENCE_S):
        while not answer.done():
            writer.write(b"x")
            await asyncio.wait([answer], timeout=0.02)
    writer.close()
    server.close()
    return answer.result()


@pytest.mark.parametrize("begun", [HEAD + b"X: ", HEAD + b"Content-Length: 999999\r\n\r\n"])
def test_a_head_or_a_body_that_trickles_is_given_up(begun: bytes) -> None:
    answer = asyncio.run(answer_to_one_who_trickles_after(begun))
    assert answer.startswith(b"HTTP/1.1 408 ")
