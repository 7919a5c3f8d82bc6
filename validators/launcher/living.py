"""Perform runs on an app that runs already, at one address.

Properties:
- The browser stays in its sandbox without a network. Each run has a socket there, and a relay of
  this process carries what comes over it to the one address, and nowhere else.
- Nothing is started, restarted, seeded or put forward in time; a journey that needs that is
  refused.
- On a place that others share, runs are performed one after another."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from validators.app.instances import InstanceSpec, InstanceStarter, Listener
from validators.app.sandboxes import end_of
from validators.domain.evidence import RunId
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.keep import keep_files
from validators.launcher.app_past import Past, planned_run
from validators.launcher.library import judge_library
from validators.launcher.perform import (
    DRIVER_LOG,
    EVIDENCE,
    PORTS,
    PerformanceBench,
    PerformanceResult,
    driver_spec,
    evidence_at,
    plan_of,
    started_driver,
    wait_for,
)
from validators.performance.plan import AT_ONCE, plan_json, ready_line

PIECE = 65536
CONNECT_SECONDS = 10
USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where an app listens. With `tls` its certificate must be valid for `host`."""

    host: str
    port: int
    tls: bool = False

    def dial(self) -> socket.socket:
        """A connection to the app. Raises OSError."""
        plain = socket.create_connection((self.host, self.port), timeout=CONNECT_SECONDS)
        if not self.tls:
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise

    @property
    def is_local(self) -> bool:
        """Whether it is an address of this machine."""
        return on_this_machine(self.host)


def living_address(url: str) -> Address:
    """The address of a living place. Raises UsageError, which names what in the URL cannot be
    used."""
    try:
        named = urlsplit(url)
        host, port = named.hostname or "", named.port
    except ValueError as error:
        raise UsageError(f"request: living.url is no address: {error}") from None
    if "@" in named.netloc:
        # Without the URL: it may hold a password.
        raise UsageError("request: living.url names an account, which no visitor has")
    if named.scheme not in USUAL_PORTS or not host or url.partition(named.netloc)[2].strip("/"):
        raise UsageError(
            f"request: living.url: expected an http or https address without a path, found {url!r}"
        )
    return Address(host, port or USUAL_PORTS[named.scheme], named.scheme == "https")


def on_this_machine(host: str) -> bool:
    """Whether a host is this machine, by its name or its address alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_on_living_place(journeys: Iterable[Journey]) -> None:
    """Raises Inconclusive for a journey that needs what nobody does to a living place."""
    for journey in journeys:
        needs = (
            ("needs data of its own", bool(journey.seed)),
            ("travels in time", journey.travels),
            ("runs commands", journey.runs_commands),
        )
        if found := [what for what, is_so in needs if is_so]:
            raise Inconclusive(
                f"journey {journey.name!r} {found[0]}, and nobody does that to a living place:"
                " take its promise off the list, or seal one that only looks"
            )


def performed_at(
    address: Address,
    bench: PerformanceBench,
    runs: Sequence[RunId],
    *,
    label: str,
    journeys: Sequence[Journey],
    seeds: Mapping[RunId, int] | None = None,
    at_once: int = AT_ONCE,
) -> PerformanceResult:
    """Perform the runs on the app at an address. Every file is kept below `label` in the evidence.
    Raises Inconclusive."""
    _refuse_silent(address)
    by_name, folder, scene = {one.name: one for one in journeys}, bench.folder / label, bench.scene
    out = folder / "out"
    out.mkdir(parents=True)
    planned = tuple(
        planned_run(run, by_name[run.journey], Past(), port=port, seed=(seeds or {}).get(run))
        for run, port in zip(runs, PORTS, strict=False)
    )
    acted = [one for one in planned if one.port]
    if not address.is_local:
        scene = replace(scene, start=replace(scene.start, hostname=address.host))
    try:
        with ExitStack() as stack:
            starter = InstanceStarter(scene.start, bench.sandboxes, folder, stack)
            listeners = starter.listeners(
                InstanceSpec(str(one.port), one.port, one.port) for one in acted
            )
            for listener in listeners:
                threading.Thread(target=_relayed, args=(listener, address), daemon=True).start()
            spec = driver_spec(scene, listeners, out, library=judge_library(bench.folder))
            driver, progress = started_driver(bench, spec, folder, stack)
            plan = plan_of(scene, planned, tuple(one.source for one in journeys))
            plan = replace(plan, progress=bench.watch is not None, at_once=at_once)
            driver.send(plan_json(plan).encode() + b"\n", more=True)
            driver.send("".join(ready_line(one.port) for one in acted).encode())
            wait_for(driver, scene, progress)
    finally:
        keep_files(out, into=bench.keep / label)
    if (code := driver.result().exit_code) != 0:
        log = end_of(folder / DRIVER_LOG, 500)
        raise Inconclusive(f"the judge's browser ended with exit code {code}; its log ends: {log}")
    return PerformanceResult(
        evidence_at(bench.keep / label / EVIDENCE, runs, label=label), (driver.result(),)
    )


def _refuse_silent(address: Address) -> None:
    try:
        address.dial().close()
    except OSError as error:
        raise Inconclusive(
            f"nothing answers at {address.host}:{address.port} ({error}); start the app there, then"
            " try again"
        ) from None


def _relayed(listener: Listener, address: Address) -> None:
    """Relay every connection of a listener to the address, as long as the listener is open."""
    with suppress(OSError):
        while True:
            visitor, _ = listener.listening.accept()
            threading.Thread(target=_carried, args=(visitor, address), daemon=True).start()


def _carried(visitor: socket.socket, address: Address) -> None:
    with (
        closing(visitor),
        suppress(OSError),
        address.dial() as app,
    ):
        app.settimeout(None)
        back = threading.Thread(target=_poured, args=(app, visitor), daemon=True)
        back.start()
        _poured(visitor, app)
        back.join()


def _poured(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
