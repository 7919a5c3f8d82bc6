"""Pins the launcher's key in a `factory.toml`, as a maintainer would: nothing else of the file
changes."""

from harness.domain.errors import ConfigError
from harness.factory.settings.tables import FILE


def pinned(text: str, key_id: str) -> str:
    """The document with `key_id` among `seal.trusted_keys`. Every other line and comment stays.

    Raises ConfigError if the text is not TOML or `seal.trusted_keys` is not a list.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Array, Table

    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, ValueError) as error:
        raise ConfigError(str(error), file=FILE) from error
    seal = document.setdefault("seal", tomlkit.table())
    keys = seal.setdefault("trusted_keys", tomlkit.array()) if isinstance(seal, Table) else None
    if not isinstance(keys, Array):
        raise ConfigError("expected a list of key ids", file=FILE, key="seal.trusted_keys")
    if key_id not in keys:
        keys.append(key_id)
    return tomlkit.dumps(document)
