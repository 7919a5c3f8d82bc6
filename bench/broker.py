"""What the model broker adds to a call, and what fifty streams at once cost it.

`python bench/broker.py [--calls N]` starts a provider of our own, which answers at once, and a
broker before it, each a process of its own. The same request is asked directly and through the
broker, by turns, each on a connection that stays open; money is reserved and settled on the disk
for each. Then fifty sandboxes stream at once. Exit 1 where the median overhead is 3 ms or more, or
the broker's memory was ever above 100 MB."""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2

from harness.agents.sessions import BrokerClient
from harness.agents.start import BrokerProcess, start
from harness.agents.unix_http import unix_http_client
from harness.ports.model import Session, SessionRequest
from harness.programs.broker.options import Options
from harness.programs.broker.sse import encoded, events_of

MODEL = "claude-sonnet-5-5"
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "content": [{"type": "text", "text": "A line of code, and another. " * 150}],
    "usage": {"input_tokens": 4000, "output_tokens": 900},
}
ASK = {
    "model": MODEL,
    "max_tokens": 1000,
    "system": "Be brief. " * 1600,
    "messages": [{"role": "user", "content": "Go on."}],
}
MOST_MS, MOST_MB, STREAMS = 3.0, 100.0, 50
PAUSE = 0.02  # seconds between two events of a stream


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=300, help="how often each way (300)")
    calls = parser.parse_args().calls
    ours, theirs = multiprocessing.Pipe()
    provider = multiprocessing.get_context("spawn").Process(
        target=provide, args=(theirs,), daemon=True
    )
    provider.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        with start(Options(home=home, control=home / "c", upstream=url), key="none") as broker:
            overhead = overhead_ms(broker, url, calls)
            memory = memory_mb(broker)
    provider.terminate()
    provider.join()
    return 0 if overhead < MOST_MS and memory < MOST_MB else 1


def overhead_ms(broker: BrokerProcess, url: str, calls: int) -> float:
    """The median of what the broker adds to a call, in milliseconds; printed beside both ways."""
    with (
        opened(broker) as session,
        httpx2.Client(base_url=url, trust_env=False) as direct,
        unix_http_client(session.socket, seconds=30) as through,
    ):
        ways: dict[str, Callable[[], float]] = {
            "direct": lambda: milliseconds(direct),
            "through": lambda: milliseconds(through),
        }
        for way in ways.values():
            way()  # both connections are there
        before = processor_ms(broker)
        pairs = [{name: way() for name, way in ways.items()} for _ in range(calls)]
        used = (processor_ms(broker) - before) / calls
    for name in ways:
        taken = sorted(pair[name] for pair in pairs)
        print(
            f"{name:>8}  median {statistics.median(taken):7.2f} ms   p90"
            f" {taken[len(taken) * 9 // 10]:7.2f} ms"
        )
    added = statistics.median(pair["through"] - pair["direct"] for pair in pairs)
    print(
        f"overhead  median {added:7.2f} ms   ({calls} calls each way, by turns; under {MOST_MS:g}"
        f" ms wanted; {used:.2f} ms of a processor)"
    )
    return added


def milliseconds(client: httpx2.Client) -> float:
    began = time.perf_counter()
    client.post("/v1/messages", json=ASK).raise_for_status().read()
    return (time.perf_counter() - began) * 1000


def memory_mb(broker: BrokerProcess) -> float:
    """The most memory that the broker ever held, after so many streams at once."""
    before = resident(broker, "VmRSS")
    seconds = asyncio.run(streams(broker))
    most = resident(broker, "VmHWM")
    print(
        f"{STREAMS} streams  {most:5.1f} MB resident at most, {before:.1f} before   "
        f"({seconds:.1f} s; under {MOST_MB:g} MB wanted)"
    )
    return most


async def streams(broker: BrokerProcess) -> float:
    sessions = [opened(broker) for _ in range(STREAMS)]
    began = time.perf_counter()
    events = await asyncio.gather(*(streamed(each.__enter__()) for each in sessions))
    for each in sessions:
        each.__exit__(None, None, None)
    whole = len(list(events_of(MESSAGE)))
    assert set(events) == {whole}, f"{sorted(set(events))} events came, of {whole}"
    return time.perf_counter() - began


async def streamed(session: Session) -> int:
    """One stream, read to its end; how many events it had."""
    transport = httpx2.AsyncHTTPTransport(uds=str(session.socket))
    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://broker", timeout=120) as client,
        client.stream("POST", "/v1/messages", json=ASK | {"stream": True}) as answer,
    ):
        return sum([one.startswith("data:") async for one in answer.aiter_lines()])


def opened(broker: BrokerProcess):
    room = Decimal(1_000_000)
    return BrokerClient(broker.control).open(
        SessionRequest(
            run="bench",
            role="implementer",
            issue=1,
            attempt=1,
            model=MODEL,
            calls=1_000_000,
            usd=room,
            usd_issue=room,
            usd_day=room,
        )
    )


def processor_ms(broker: BrokerProcess) -> float:
    """What the broker has used of a processor: what it takes however much else this machine has to
    do."""
    fields = Path(f"/proc/{broker.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def resident(broker: BrokerProcess, name: str) -> float:
    status = Path(f"/proc/{broker.pid}/status").read_text()
    [kilobytes] = [row.split()[1] for row in status.splitlines() if row.startswith(f"{name}:")]
    return int(kilobytes) / 1024


def provide(told: Connection) -> None:
    """A provider in as few steps as there are: what it takes itself is not to be seen beside the
    broker."""
    whole = json.dumps(MESSAGE).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (len(whole), whole)
    )
    pieces = [encoded(event) for event in events_of(MESSAGE)]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            [length] = [
                int(row.split(b":")[1])
                for row in head.split(b"\r\n")
                if row.lower().startswith(b"content-length")
            ]
            body = await reader.readexactly(length)
            if not json.loads(body).get("stream"):
                writer.write(answer)
                continue
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding:"
                b" chunked\r\n\r\n"
            )
            for piece in pieces:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await asyncio.sleep(PAUSE)
            writer.write(b"0\r\n\r\n")

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def listen() -> None:
        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(listen())


if __name__ == "__main__":
    sys.exit(main())
