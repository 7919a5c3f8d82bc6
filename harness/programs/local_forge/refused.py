"""How the forge says no: one exception, in the words and numbers that GitHub's clients already
understand."""


class Refused(Exception):
    """An answer of 400 or more. `errors` follows GitHub's list of {resource, field, code,
    message}."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: tuple[dict[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers

    @property
    def told(self) -> str:
        """One line for a person: the message, and the first reason."""
        return next(
            (reason for error in self.errors if (reason := error.get("message"))), self.message
        )


def not_found() -> Refused:
    """What is not there and what may not be seen look the same."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, message: str, *, code: str = "custom") -> Refused:
    """The request was understood and cannot be obeyed; `message` names the field and what was
    expected."""
    return Refused(
        422,
        "Validation Failed",
        errors=({"resource": resource, "field": field, "code": code, "message": message},),
    )


def forbidden(needed: str) -> Refused:
    """The account is known and has not the right."""
    return Refused(403, f"Resource not accessible: this needs the {needed} role")


def not_for_apps() -> Refused:
    """An App's token has not the permission, or does not reach the repository. The words are
    GitHub's."""
    return Refused(403, "Resource not accessible by integration")


def unauthenticated() -> Refused:
    """Nobody signed in."""
    return Refused(
        401, "Requires authentication", headers=(("WWW-Authenticate", 'Basic realm="forge"'),)
    )
