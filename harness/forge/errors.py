"""Turns what PyGithub and requests raise into ForgeError: what failed, what the forge answered, and
whether to retry."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from harness.domain.errors import ForgeError
from harness.forge.rate_limiter import Limited

_RETRYABLE = frozenset({408, 425, 429})


@contextmanager
def forge_errors(doing: str) -> Iterator[None]:
    """Turn errors into ForgeError. `doing` completes the sentence "the forge failed at …"."""
    import requests
    from github import BadAttributeException, GithubException

    try:
        yield
    except Limited as error:
        message = (
            f"the forge's {error.limit.name} ended {doing}; it answers again at"
            f" {error.again_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        raise ForgeError(message, retryable=True, again_at=error.again_at) from error
    except GithubException as error:
        retryable = error.status >= 500 or error.status in _RETRYABLE
        reason = f"{error.status} {_reason(error.data)}"
        raise ForgeError(
            f"the forge failed at {doing}: {reason}", retryable=retryable, status=error.status
        ) from error
    except requests.RequestException as error:
        raise ForgeError(
            f"the forge was not reached at {doing}: {error}", retryable=True
        ) from error
    except (
        BadAttributeException,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        # PyGithub raises these when an answer of 200 is not the JSON it expects: a proxy's page,
        # half a body.
        raise ForgeError(
            f"what the forge answered at {doing} is not the API: {error!r}", retryable=True
        ) from error


def _reason(data: object) -> str:
    """The message, and the first of the reasons under it."""
    if not isinstance(data, Mapping):
        return "without a reason"
    reasons = [str(data.get("message") or "without a reason")]
    for error in data.get("errors") or ():
        is_object = isinstance(error, Mapping)
        reasons.append(str(error.get("message") or error.get("code")) if is_object else str(error))
    return ": ".join(reasons[:2])
