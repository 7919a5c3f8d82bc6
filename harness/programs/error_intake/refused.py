"""A request that the intake does not take."""


class Refused(Exception):
    """The HTTP status and the message for the sender. `retry_seconds` where a later try may do.
    Nothing of the request is repeated in the message."""

    def __init__(self, status: int, message: str, *, retry_seconds: int = 0) -> None:
        self.status, self.message, self.retry_seconds = status, message, retry_seconds
        super().__init__(message)
