"""Every dialect, by the wire that it belongs to."""

from collections.abc import Mapping

from harness.agents.broker.providers import ANTHROPIC, OPENAI
from harness.agents.broker.wires.chat import Chat
from harness.agents.broker.wires.dialect import Dialect
from harness.agents.broker.wires.messages import Messages
from harness.agents.broker.wires.responses import Responses

MESSAGES = Messages()
DIALECTS: Mapping[str, tuple[Dialect, ...]] = {ANTHROPIC: (MESSAGES,), OPENAI: (Chat(), Responses())}
EVERY = tuple(dialect for dialects in DIALECTS.values() for dialect in dialects)
