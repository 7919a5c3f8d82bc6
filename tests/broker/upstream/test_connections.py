"""What goes over the line to a provider, and which way."""

import asyncio

import pytest

from harness.programs.broker.upstream.connections import FAULTS, Connections, ProviderReply

TIMEOUTS = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Two: a\r\nx-two: b\r\n\r\nok"


def asked(
    base: str, *paths: str, answer: bytes = ANSWER
) -> tuple[list[bytes], list[bytes], list[ProviderReply]]:
    """Post to each path in turn, at `base` with the port for {}; what came on each connection, the
    bodies and the replies."""

    async def whole() -> tuple[list[bytes], list[bytes], list[ProviderReply]]:
        came: list[bytearray] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append(bytearray())
            while not reader.at_eof():
                came[-1] += (piece := await reader.read(65536))
                if piece.endswith(b"{}") or piece.startswith(b"CONNECT"):
                    writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connections = Connections(base.format(port), {"x-key": "k"}, timeouts=TIMEOUTS)
        bodies, replies = [], []
        try:
            for path in paths:
                replies.append(await connections.post(path, b"{}"))
                bodies.append(b"".join([piece async for piece in replies[-1].pieces()]))
                await replies[-1].aclose()
        finally:
            await connections.close()
            server.close()
        return [bytes(one) for one in came], bodies, replies

    return asyncio.run(whole())


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ("http://127.0.0.1:{}", b"POST /v1/messages HTTP/1.1"),
        ("http://127.0.0.1:{}/", b"POST /v1/messages HTTP/1.1"),
        ("http://127.0.0.1:{}/of/acme/", b"POST /of/acme/v1/messages HTTP/1.1"),
        ("http://127.0.0.1:{}/ä%20b", b"POST /%C3%A4%20b/v1/messages HTTP/1.1"),
    ],
)
def test_a_path_is_below_the_base(base, line) -> None:
    [came], [body], [reply] = asked(base, "/v1/messages")
    head, _, sent = came.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == line
    fields = dict(row.split(b": ", 1) for row in head.split(b"\r\n")[1:])
    assert fields[b"Host"].startswith(b"127.0.0.1:")
    assert (fields[b"x-key"], fields[b"Content-Length"], sent) == (b"k", b"2", b"{}")
    assert (reply.status, reply.headers["x-two"], reply.headers["content-length"], body) == (
        200,
        "a, b",
        "2",
        b"ok",
    )


def test_a_connection_is_used_again() -> None:
    came, bodies, _ = asked("http://127.0.0.1:{}", "/a", "/b", "/a")
    assert (len(came), came[0].count(b"POST /a "), bodies) == (1, 2, [b"ok"] * 3)


@pytest.mark.parametrize(("more", "is_redirect"), [(b"Location: /b\r\n", True), (b"", False)])
def test_a_redirect_is_not_followed(more, is_redirect) -> None:
    [came], _, [reply] = asked(
        "http://127.0.0.1:{}",
        "/a",
        answer=b"HTTP/1.1 307 No\r\n" + more + b"Content-Length: 0\r\n\r\n",
    )
    assert (reply.is_redirect, came.count(b"POST")) == (is_redirect, 1)


def test_the_way_is_by_the_proxy_of_the_environment_and_not_to_whom_it_excepts(monkeypatch) -> None:
    """The proxy's only answer is that it makes no tunnel."""
    for name in ("https_proxy", "http_proxy", "no_proxy", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def came_to_the_proxy() -> list[bytes]:
        came: list[bytes] = []

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
        monkeypatch.setenv(
            "HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        )
        connections = Connections("https://127.0.0.1:9/v1", {"x-key": "k"}, timeouts=TIMEOUTS)
        with pytest.raises(FAULTS):
            await connections.post("/a", b"{}")
        await connections.close()
        proxy.close()
        return came

    [head] = asyncio.run(came_to_the_proxy())
    assert head.startswith(b"CONNECT 127.0.0.1:9 ")
    assert (b"x-key" in head, b"Proxy-Authorization: Basic" in head) == (False, True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert asyncio.run(came_to_the_proxy()) == []
