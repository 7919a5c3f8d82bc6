"""The part of this process's environment that a package manager may see: how it reaches its
registry as this machine is set up to. Everything else stays out of it."""

import os

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
