"""The part of this process's environment that a package manager may see: how it reaches its
registry as this machine is set up to. Everything else stays out of it. And the programs that
sandboxes may see."""

import os

from harness.domain.errors import ConfigError

# Where sandboxes look for programs.
SEEN = ("/usr/bin", "/bin")

NAMES = (
    "HOME",
    "PATH",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
)
PREFIXES = ("pip_", "npm_config_")


def fetch_environment() -> dict[str, str]:
    """Those variables, with their values here."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in NAMES or name.lower().startswith(PREFIXES)
    }


def program_in(name: str, root: str, *, package: str) -> str:
    """The path of a program in sandboxes with this root file system (empty: the machine's). Raises
    ConfigError that names the package which has it."""
    for folder in SEEN:
        # A link of another root leads nowhere here.
        if os.path.lexists(f"{root}{folder}/{name}"):
            return f"{folder}/{name}"
    place = "the root file system that factory.toml names" if root else "/usr/bin"
    raise ConfigError(
        f"sandboxes have no `{name}`, because they see only what is in {place}; install"
        f" {package} there (`apt-get install {package}`)"
    )
