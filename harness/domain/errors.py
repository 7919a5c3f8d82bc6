"""The tree of errors and stops, with their exit codes.

    FactoryError                                                                    exit 1
      ConfigError · GovernanceError   the operator can fix it: file, line, key      exit 2
      IllegalTransition               a bug here                                    exit 70
      PortError(retryable)            something outside failed                      exit 5
        GitError (RemoteError) · ForgeError · ModelError (AnswerError) · ModelsPaused
        ValidatorError · SandboxError · LedgerError · DeployError
      Busy                            another factory works on the same home        exit 5
    FactoryStop(BaseException)        BudgetExhausted 4 · Stopped 3 · Interrupted 130

A stop is not an error: it unwinds past `except Exception`. It must never cross the engine's
boundary; the node wrapper turns it into a `stopped` outcome."""

from datetime import datetime
from typing import ClassVar


class FactoryError(Exception):
    """The factory could not do what was asked; the message names the next step."""

    exit_code: ClassVar[int] = 1


class _InDocument(FactoryError):
    """A fault in a document that a person wrote, with the place to look at."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        self.message, self.file, self.line, self.key = message, file, line, key
        place = ":".join(str(part) for part in (file, line) if part is not None)
        subject = f"`{key}`: " if key else ""
        super().__init__(f"{place}: {subject}{message}" if place else f"{subject}{message}")


class ConfigError(_InDocument):
    """`factory.toml`, a workflow or an argument is not what it must be."""


class GovernanceError(_InDocument):
    """One of the three governance files cannot be obeyed as it stands; the factory does not start
    on it."""


class IllegalTransition(FactoryError):
    """The lifecycle has no such edge. Always a bug in the factory, never a user's mistake."""

    exit_code = 70


class PortError(FactoryError):
    """Something outside failed. `retryable`: whether the same call may succeed later."""

    exit_code = 5

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class GitError(PortError):
    """Git refused, timed out, or holds something that must not be trusted."""


class RemoteError(GitError):
    """Git did not get from the forge what it asked for."""


class ForgeError(PortError):
    """The forge did not answer, or answered no. `status` is the HTTP status of its no; `again_at`:
    before this moment (UTC) it will not answer, so nobody asks."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        again_at: datetime | None = None,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.status, self.again_at = status, again_at

    @property
    def concerns_one_thing(self) -> bool:
        """Whether the forge refuses for good what was asked for, and not whoever asked: a key that
        it does not know (401) concerns everything."""
        return not self.retryable and self.status != 401


class ModelError(PortError):
    """The model did not answer in the agreed form."""


class AnswerError(ModelError):
    """The model did answer, and not in the agreed form: its own failure, and not its provider's."""


class ModelsPaused(PortError):
    """No model is asked before `again_at` (UTC): what a day or a month may cost is used up, or the
    provider has no more to give, or nobody counts the money. It is nobody's failure: no issue, no
    attempt and no model is counted for it. `cause` is `day`, `month`, `provider` or `meter`; of an
    `issue`, where only that issue's sessions are refused."""

    def __init__(self, message: str, *, cause: str, again_at: datetime) -> None:
        super().__init__(message, retryable=True)
        self.cause, self.again_at = cause, again_at


class ValidatorError(PortError):
    """The validator program could not run. That is never a verdict."""


class SandboxError(PortError):
    """No sandbox could be made, so nothing untrusted was run."""


class DeployError(PortError):
    """A deployer failed, refused or took too long. What is live now, only a look at the place
    tells."""


class LedgerError(PortError):
    """The ledger could not be written, or is not the one that was signed."""


class Busy(FactoryError):
    """Another factory holds this home."""

    exit_code = 5


class FactoryStop(BaseException):
    """Stop now, in good order. Not an error."""

    exit_code: ClassVar[int] = 3


class BudgetExhausted(FactoryStop):
    """A cap would be crossed by the next call, so it is not made."""

    exit_code = 4


class Stopped(FactoryStop):
    """The owner said stop."""


class Interrupted(FactoryStop):
    """Ctrl-C."""

    exit_code = 130


def is_interruption(error: BaseException | None) -> bool:
    """Whether it is a KeyboardInterrupt, or was raised in place of one: the code that was running
    may raise an error of its own, and CPython 3.11 raises RuntimeError while a class is made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
