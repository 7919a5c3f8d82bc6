"""Every dialect, by its wire."""

from collections.abc import Mapping

from harness.programs.broker.providers import ANTHROPIC, OPENAI
from harness.programs.broker.wires.chat import Chat
from harness.programs.broker.wires.dialect import Dialect
from harness.programs.broker.wires.messages import Messages
from harness.programs.broker.wires.responses import Responses

MESSAGES = Messages()
DIALECTS: Mapping[str, tuple[Dialect, ...]] = {
    ANTHROPIC: (MESSAGES,),
    OPENAI: (Chat(), Responses()),
}
EVERY = tuple(dialect for dialects in DIALECTS.values() for dialect in dialects)
