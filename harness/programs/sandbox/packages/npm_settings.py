"""npm's settings on this machine: which registry, and the token that it wants.

npm itself is asked: `npm config` reads the files of the account and of the machine, in an empty
project of its own, so that no file of the repository counts. It does not tell tokens; these are
read from the account's own file, and each goes only to the addresses below the one it stands at.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages.environment import fetch_environment
from harness.programs.sandbox.packages.npm_lock import NpmPackage

SECONDS = 60
LARGEST = 1024 * 1024
_CREDENTIAL = re.compile(r"\s*(//[^\s=]+/):(_authToken|_auth)\s*=\s*(\S+)\s*")
_SCHEMES = {"_authToken": "Bearer", "_auth": "Basic"}


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """The registry, those of scopes (`@scope`), a file of certificates, a proxy, and the values of
    the header `authorization` by the beginning of the addresses that get it (`//host/path/`)."""

    registry: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    cafile: str = ""
    proxy: str = field(default="", repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def address(self, package: NpmPackage) -> str:
        """Where the registry has the archive of a package."""
        scope, slash, bare = package.name.rpartition("/")
        registry = self.scopes.get(scope, self.registry) if slash else self.registry
        return f"{registry.rstrip('/')}/{package.name}/-/{bare}-{package.version}.tgz"

    def headers(self, address: str) -> dict[str, str]:
        """What the request of an address needs: the credential of the longest beginning."""
        place = address.partition(":")[2]
        fitting = [beginning for beginning in self.credentials if place.startswith(beginning)]
        longest = max(fitting, key=len, default="")
        return {"authorization": self.credentials[longest]} if longest else {}


def registry_settings() -> RegistrySettings:
    """The settings of this machine. Raises ConfigError without npm or for an address that cannot be
    used, SandboxError when npm does not answer."""
    with tempfile.TemporaryDirectory(prefix="factory-npm-") as nowhere:
        # npm would look for a project, and its settings, in the folders above.
        Path(nowhere, "package.json").write_text("{}")
        try:
            ended = subprocess.run(
                ("npm", "config", "list", "--json"),
                cwd=nowhere,
                env=fetch_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=SECONDS,
                start_new_session=True,
            )
            found = json.loads(ended.stdout) if ended.returncode == 0 else None
        except FileNotFoundError as error:
            raise ConfigError(
                "npm is not on PATH, and its settings tell which registry is this machine's;"
                " install it (`apt-get install npm`, or with Node.js)"
            ) from error
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise SandboxError(f"`npm config list` gave no answer: {error}") from error
    if not isinstance(found, dict):
        printed = ended.stderr.decode("utf-8", "replace").strip()[-300:]
        raise SandboxError(f"`npm config list` failed: {printed}")
    return _settings(found)


def _settings(found: Mapping[str, Any]) -> RegistrySettings:
    scopes = {
        key.removesuffix(":registry"): _usable(key, value)
        for key, value in found.items()
        if key.startswith("@") and key.endswith(":registry")
    }
    return RegistrySettings(
        _usable("registry", found.get("registry")),
        scopes,
        cafile=str(found.get("cafile") or ""),
        proxy=str(found.get("https-proxy") or found.get("proxy") or ""),
        credentials=_credentials(Path(str(found.get("userconfig") or os.devnull))),
    )


def _usable(key: str, value: object) -> str:
    address = str(value or "")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"npm's setting `{key}` is no address of a registry")
    if parts.username is not None or parts.password is not None:
        # It would stand in messages.
        raise ConfigError(
            f"npm's setting `{key}` has a password in its address; put it into your .npmrc as"
            f" `//{parts.hostname}/:_authToken=…`"
        )
    return address


def _credentials(userconfig: Path) -> dict[str, str]:
    try:
        with userconfig.open("rb") as file:
            text = file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        # A value from a variable that is not here is no value.
        match = _CREDENTIAL.fullmatch(os.path.expandvars(line))
        if match and "$" not in match[3]:
            found[match[1]] = " ".join((_SCHEMES[match[2]], match[3].strip('"')))
    return found
