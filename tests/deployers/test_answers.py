"""When a release of the local place is ready: by a status of HTTP, whatever else its app says."""

import asyncio
from types import SimpleNamespace

import pytest

from harness.programs.local_place.releases import answered


@pytest.mark.parametrize(
    "odd", [b"HTTP/1.1 \r\n", b"HTTP/1.1 +20\r\n", b"200\r\n", b"\r\n", b"", b"x" * 100_000]
)
def test_what_is_no_answer_is_asked_again(tmp_path, odd) -> None:
    said = [odd, b"HTTP/1.1 503 Not yet\r\n", b"HTTP/1.1 204 No Content\r\n"]

    async def app(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said.pop(0))
        writer.close()

    async def tried() -> None:
        path = str(tmp_path / "app.sock")
        release = SimpleNamespace(is_up=True, socket=path, start={"ready": "/"})
        async with await asyncio.start_unix_server(app, path):
            await answered(release, seconds=60, every=0)

    asyncio.run(tried())
    assert said == []
