"""The keys of three providers, as a factory holds them, and everything that could show one."""

import dataclasses
import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.agents.builtin_agent import SandboxedAgent
from harness.agents.sessions import BrokerClient
from harness.agents.unix_http import unix_http_client
from harness.factory.run.services import Places
from harness.home.document import HomeFile
from harness.home.programs import broker_of, model_key
from harness.home.providers import Endpoint, provider_keys
from harness.operations.drill.attacks import intrusion
from harness.ports.agent import Assignment
from harness.programs.sandbox.client import SandboxSupervisor
from tests.agents.conftest import MODEL, SECONDS, Answer, message, request, text
from tests.agents.conftest import Provider as Server
from tests.broker.conftest import CHAT

# of each of them, and of no other run's on this machine
PART = f"canary-{secrets.token_hex(8)}"
DEFAULT_KEY, BY_NAME, BY_FILE = (f"sk-{name}-{PART}" for name in ("usual", "env", "file"))


def processes_with(part: bytes) -> dict[int, bytes]:
    """The arguments of each process that has it in its environment or its arguments, ours left
    out."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            arguments, environment = (
                (entry / "cmdline").read_bytes(),
                (entry / "environ").read_bytes(),
            )
        except OSError:
            continue
        if part in arguments + environment and int(entry.name) != os.getpid():
            found[int(entry.name)] = arguments
    return found


def test_keys_are_in_the_broker_alone(
    tmp_path: Path, provider: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a sandbox's environment, /proc or files, nor in ours or in what is written; and
    each goes to its own provider."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", DEFAULT_KEY)
    monkeypatch.setenv("ACME_KEY", BY_NAME)
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "other.key").touch(0o600)
    (home / "keys" / "other.key").write_text(f"{BY_FILE}\n")
    document = HomeFile(
        owner="o",
        name="n",
        forge="embedded",
        port=0,
        number=1,
        token_file="t",
        upstream=provider.url,
        providers=(
            Endpoint("acme", "openai", f"{provider.url}/v1", key_env="ACME_KEY"),
            Endpoint("other", "anthropic", provider.url, key_file="keys/other.key"),
        ),
    )
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    with (
        model_key() as key,
        provider_keys(home, document) as keys,
        broker_of(home, document, Places(home, "o.n"), key=key, keys=keys) as control,
    ):
        assert PART not in str(os.environ)
        client = BrokerClient(control)
        asked = {DEFAULT_KEY: MODEL, BY_NAME: "acme/gpt", BY_FILE: f"other/{MODEL}"}
        for model in asked.values():
            said = message(text("Hello."))
            provider.plan(Answer(CHAT.answer(said, {})) if model.startswith("acme") else said)
            with (
                client.open(request(model=model)) as session,
                unix_http_client(session.socket, seconds=SECONDS) as http,
            ):
                path = "/v1/chat/completions" if model.startswith("acme") else "/v1/messages"
                answer = http.post(
                    path,
                    json={
                        "model": model,
                        "max_tokens": 9,
                        "messages": [{"role": "user", "content": "Hi"}],
                    },
                )
            assert answer.is_success, answer.text
            assert PART not in answer.text + str(answer.headers)
        sent = [
            {name.lower(): value for name, value in seen["headers"].items()}
            for seen in provider.seen
        ]
        assert [
            each.get("x-api-key") or each["authorization"].removeprefix("Bearer ") for each in sent
        ] == list(asked)
        assert [seen["body"]["model"] for seen in provider.seen] == [MODEL, "gpt", MODEL]
        [arguments] = processes_with(PART.encode()).values()
        assert b"harness.programs.broker" in arguments
        assert PART.encode() not in arguments
        with client.open(request(model="acme/gpt")) as session:
            spec = SandboxedAgent(SandboxSupervisor(home / "layers")).spec(
                Assignment(run="r", role="implementer", worktree=worktree, system=(), task=""),
                session,
            )
            targets = {
                "canary": PART,
                "key": PART,
                "port": urlsplit(provider.url).port,
                "pid": os.getpid(),
                "home": str(home),
            }
            result = SandboxSupervisor(home / "layers").run(
                dataclasses.replace(
                    spec,
                    argv=(
                        "python",
                        "-c",
                        intrusion.INTRUDER.read_text("utf-8"),
                        json.dumps(targets),
                    ),
                )
            )
        assert result.exit_code == 0, result.stderr.decode()
        report = json.loads(result.stdout)
        assert report["looked_at"]["files"] > 1000
        assert [found for found in report["found"] if not found.startswith("path: ")] == []
    written = [
        file for file in home.rglob("*") if file.is_file() and PART.encode() in file.read_bytes()
    ]
    assert written == [home / "keys" / "other.key"]
    # ours again, when nothing of ours runs
    assert os.environ["ACME_KEY"] == BY_NAME
