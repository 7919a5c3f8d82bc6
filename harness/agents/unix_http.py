"""HTTP over a unix socket."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


def unix_http_client(socket: Path, *, seconds: float) -> "httpx2.Client":
    """A client that sends every request to `socket`, whatever the request's address, and to no
    proxy.

    There is no TLS on a unix socket, so no certificates are loaded: that alone took 50 ms a client.
    """
    import httpx2

    return httpx2.Client(
        transport=httpx2.HTTPTransport(uds=str(socket), verify=False),
        base_url="http://broker",
        timeout=seconds,
        trust_env=False,
    )
