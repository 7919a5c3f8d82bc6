"""The address of somebody's own repository, without a name or a secret in it."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from harness.domain.errors import ConfigError

# For example git@host:owner/name.git.
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!/)[^:]+")
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=20"


@dataclass(frozen=True, slots=True)
class RepositoryAddress:
    """Where a repository is. `url` and `shown` contain no name and no secret; `settings` may, and
    only git gets them."""

    url: str
    shown: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def is_local(self) -> bool:
        return self.url.startswith("file:")


def address_of(source: str, *, here: Path) -> RepositoryAddress:
    """A folder (relative to `here`), or an https, ssh, git or file address. Raises ConfigError for
    anything else."""
    # A folder may have a colon in its name.
    if "://" not in source and not (_SCP.fullmatch(source) and not (here / source).exists()):
        return _folder(here / source)
    url = source if "://" in source else "ssh://" + source.replace(":", "/", 1)
    parts = _split(url)
    if parts.scheme == "file":
        return _folder(Path(unquote(parts.path)))
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not (parts.scheme in ("https", "ssh", "git") or local) or not parts.hostname:
        raise ConfigError(
            f"expected a folder, or an https, ssh, git or file address, found `{parts.scheme}:…`"
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"the address of {parts.hostname} holds a `?` or `#`; give it without")
    return _remote(parts.scheme, parts.hostname, parts.netloc.rpartition("@"), parts.path)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # `urlsplit` checks a port only when it is read.
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"the address is not one: {error}") from error
    return parts


def _folder(path: Path) -> RepositoryAddress:
    path = path.expanduser().resolve()
    if not path.is_dir():
        raise ConfigError(f"{path} is not a folder; name a repository's folder or its address")
    return RepositoryAddress(path.as_uri(), str(path))


def _remote(
    scheme: str, hostname: str, netloc: tuple[str, str, str], path: str
) -> RepositoryAddress:
    """Move names and secrets out of the address: for ssh into the account option, otherwise into a
    header."""
    who, _, host = netloc
    name, colon, secret = (unquote(part) for part in who.partition(":"))
    url, public = f"{scheme}://{host}{path}", f"{hostname}{path.removesuffix('.git')}"
    if scheme == "ssh":
        if colon:
            raise ConfigError(
                f"the address of {hostname} carries a password; ssh takes a key from your agent"
                " instead"
            )
        if name and not re.fullmatch(r"[A-Za-z0-9._][A-Za-z0-9._-]*", name):
            raise ConfigError(
                f"the address of {hostname} carries an account that ssh does not take"
            )
        account = f" -l {name}" if name else ""
        return RepositoryAddress(
            url, public, (("protocol.ssh.allow", "always"), ("core.sshCommand", _SSH + account))
        )
    if scheme == "git":
        return RepositoryAddress(url, public, (("protocol.git.allow", "always"),))
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode("ascii")
    header = ((f"http.{url}.extraHeader", f"Authorization: Basic {basic}"),) if who else ()
    return RepositoryAddress(url, public, header)
