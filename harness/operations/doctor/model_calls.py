"""Asks each model that a role names for one token, by the broker's own wire code, with the home's
keys. What it costs is counted for no issue."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from harness.domain.governance import Level, Status
from harness.home.document import HomeFile, read_home
from harness.home.programs import BASE_URL, model_key, provider
from harness.home.providers import KEY, provider_keys
from harness.operations.doctor.finding import HealthFinding, fail, ok, warn

if TYPE_CHECKING:
    from harness.domain.model_choice.roles import Tier
    from harness.factory.run.policy_snapshot import PolicySnapshot
    from harness.programs.broker.meter import Meter
    from harness.programs.broker.providers import Provider
    from harness.programs.broker.upstream.client import Upstream
    from harness.programs.broker.upstream.failure import ProviderFailure


@dataclass(frozen=True, slots=True)
class RoleModel:
    """A model as `factory.toml` names it, the roles that it plays, and the API that it is asked by,
    a path below `/v1`; empty: the first of its provider's wire."""

    name: str
    roles: tuple[str, ...]
    api: str


def role_models(policy: "PolicySnapshot") -> tuple[RoleModel, ...]:
    """The models of every role that somebody plays here, each once for each API."""
    found: dict[tuple[str, str], list[str]] = {}
    for role, tier in _played(policy):
        api = policy.config.agent(tier).kind.api
        found.setdefault((tier.model, api), []).append(role)
    return tuple(RoleModel(name, tuple(roles), api) for (name, api), roles in found.items())


def _played(policy: "PolicySnapshot") -> "list[tuple[str, Tier]]":
    config = policy.config
    is_voted_on = any(
        rule.level is Level.JUDGED and rule.status is not Status.OFF
        for rule in policy.governance.rules
    )
    unused = set[str]()
    if not config.review.lenses and not is_voted_on:
        unused.add("reviewer")
    if not config.personas:
        unused |= {"actor", "judge"}
    roles = (one.name for one in fields(config.models) if one.name not in unused)
    return [(role, tier) for role in roles for tier in config.models.of(role)]


def call_models(
    home: Path, models: tuple[RoleModel, ...]
) -> tuple[tuple[RoleModel, HealthFinding], ...]:
    """One call of each model, all at once; a call takes at most ten seconds. Raises ConfigError if
    a provider's key cannot be read, or there is no provider at all."""
    document = read_home(home)
    # Out of the environment, as for the factory itself: no program that is started inherits one.
    with model_key() as key, provider_keys(home, document) as keys:
        providers, secrets = _providers(document, key)
        found = asyncio.run(_asked_all(home, providers, {**secrets, **keys}, models))
    return tuple(zip(models, found, strict=True))


def _providers(document: HomeFile, key: str) -> "tuple[dict[str, Provider], dict[str, str]]":
    """The providers as the broker would get them, and the default one's key by its name."""
    from harness.programs.broker.providers import ANTHROPIC, DEFAULT_PROVIDER, Provider

    found = {
        each.name: Provider(each.name, each.wire, each.base_url, each.key_from)
        for each in document.providers
    }
    if not (key or document.upstream or os.environ.get(BASE_URL) or not document.providers):
        return found, {}
    url, secret = provider(document.upstream, key)
    found[DEFAULT_PROVIDER] = Provider(DEFAULT_PROVIDER, ANTHROPIC, url, KEY)
    return found, {DEFAULT_PROVIDER: secret}


async def _asked_all(
    home: Path,
    providers: "Mapping[str, Provider]",
    secrets: Mapping[str, str],
    models: tuple[RoleModel, ...],
) -> list[HealthFinding]:
    from harness.programs.broker.probe import counted_by
    from harness.programs.broker.upstream.breaker import BreakerStore, ProviderBreaker
    from harness.programs.broker.upstream.client import Upstream

    # A broker at work may have the same store open, and may settle this call if it starts now.
    with closing(_meter(home)) as meter:
        store = BreakerStore(meter.engine)
        upstreams = {
            name: Upstream(
                each, secrets[name], ProviderBreaker(name, store), smallest_call=counted_by(meter)
            )
            for name, each in providers.items()
        }
        try:
            return await asyncio.gather(*(_asked(upstreams, one) for one in models))
        finally:
            for upstream in upstreams.values():
                await upstream.close()


def _meter(home: Path) -> "Meter":
    from harness.home.state import database_of
    from harness.programs.broker.meter import Meter
    from harness.programs.broker.prices import prices

    folder = home / "broker"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Meter(folder / "broker.sqlite", prices(), database=database_of(home, read_home(home)))


async def _asked(upstreams: "Mapping[str, Upstream]", one: RoleModel) -> HealthFinding:
    from harness.programs.broker.providers import provider_and_model
    from harness.programs.broker.refusal import Refusal
    from harness.programs.broker.upstream.failure import ProviderFailure
    from harness.programs.broker.wires.registry import DIALECTS

    name, model = provider_and_model(one.name, upstreams)
    upstream, who = upstreams.get(name), f"{one.name} ({', '.join(one.roles)})"
    if upstream is None:
        return fail(
            f"{who} is of no provider that home.json names",
            f"name it as {', '.join(f'{each}/…' for each in upstreams)}, or set {KEY}",
        )
    apis = {dialect.path: dialect for dialect in DIALECTS[upstream.provider.wire]}
    dialect = apis.get(one.api) if one.api else next(iter(apis.values()))
    if dialect is None:
        return fail(
            f"{who} is asked by the API {one.api}, and its provider {name} has"
            f" {', '.join(apis)} (wire {upstream.provider.wire})",
            "name a model of a provider with the other wire, or let an agent play the implementer",
        )
    began = monotonic()
    try:
        outcome = await upstream.smallest_call(dialect, model)
    except Refusal as refusal:
        return fail(f"{who} was not asked: {refusal.message}", "look at the line `database`")
    if isinstance(outcome, ProviderFailure):
        return _failure(who, upstream.provider, model, outcome)
    return ok(f"{who} answered in {(monotonic() - began) * 1000:.0f} ms")


def _failure(
    who: str, provider: "Provider", model: str, failed: "ProviderFailure"
) -> HealthFinding:
    from harness.programs.broker.upstream.faults import provider_fault, words_of

    fault = provider_fault(failed.status, failed.kind, failed.message)
    where = f"{who}, at {provider.base_url}"
    if fault is None:
        return warn(
            f"{where}: it takes our key and refused the smallest request ({failed.status}"
            f" {failed.kind}: {failed.message[:200]}), so nobody knows whether it answers",
            "look at its message; the model may need other settings",
        )
    words = words_of(
        fault,
        provider,
        model,
        status=failed.status,
        kind=failed.kind,
        message=failed.message,
    )
    fix = words.fix or "wait, and look again; the factory waits by itself and continues"
    return fail(f"{where}: {words.what}", fix.removesuffix(", and run `factory doctor`"))
