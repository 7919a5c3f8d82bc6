"""The user agent of the masked visitor: the plain visitor looks like automation, the masked one
like a person's Chrome.

The mask is put on in four places, because each of them leaks alone (observed on Chromium 156):

- the flags of the process: the user agent everywhere, workers included; no `navigator.webdriver`;
- `Emulation.setUserAgentOverride` with metadata on every page (`userAgentData`);
- the headers on the wire: a pop-up sends its first request before its page object exists;
- an initial script for the first document of that pop-up.

The module `fingerprint` answers what else a page can ask for. Timing still gives automation
away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

_GREASE = {"brand": "Not:A-Brand", "version": "8"}


@dataclass(frozen=True, slots=True)
class Mask:
    """Makes Chromium look like Google Chrome of one version on Linux."""

    version: str

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    @property
    def agent(self) -> str:
        return (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{self.major}.0.0.0 Safari/537.36"
        )

    def override(self, *, language: str) -> dict[str, object]:
        """Parameters of `Emulation.setUserAgentOverride`. Without the language it would undo the
        context's own."""
        return {
            "userAgent": self.agent,
            "acceptLanguage": _languages(language),
            "platform": "Linux x86_64",
            "userAgentMetadata": {
                "brands": self._brands(self.major, _GREASE["version"]),
                "fullVersionList": self._brands(self.version, "8.0.0.0"),
                "fullVersion": self.version,
                "platform": "Linux",
                "platformVersion": "6.8.0",
                "architecture": "x86",
                "bitness": "64",
                "model": "",
                "mobile": False,
                "wow64": False,
            },
        }

    def headers(self, *, language: str) -> Mapping[str, str]:
        """The headers that the wire replaces in every request that has them."""
        return {
            "user-agent": self.agent,
            "sec-ch-ua": self._list(self.major, _GREASE["version"]),
            "accept-language": f"{_languages(language)};q=0.9",
        }

    def script(self) -> str:
        """A script for documents that exist before their override: it sets the same brands, and
        only where others would show."""
        brands = json.dumps(self._brands(self.major, _GREASE["version"]))
        full = json.dumps(self._brands(self.version, "8.0.0.0"))
        return (
            "(() => { const data = navigator.userAgentData;if (!data || !data.brands.some(b =>"
            f" b.brand === 'HeadlessChrome')) return;const brands = {brands}, full = {full}, kind ="
            " NavigatorUAData.prototype;const hints ="
            " kind.getHighEntropyValues;Object.defineProperty(kind, 'brands', {get: () => brands,"
            " configurable: true, enumerable: true});kind.getHighEntropyValues = async function"
            " getHighEntropyValues(wanted) {const values = await hints.call(this, wanted);"
            " values.brands = brands;if (values.fullVersionList) values.fullVersionList = full;"
            " return values; }; })()"
        )

    def _brands(self, version: str, grease: str) -> list[dict[str, str]]:
        named = [{"brand": brand, "version": version} for brand in ("Chromium", "Google Chrome")]
        return [{**_GREASE, "version": grease}, *named]

    def _list(self, version: str, grease: str) -> str:
        return ", ".join(
            f'"{one["brand"]}";v="{one["version"]}"' for one in self._brands(version, grease)
        )


def _languages(locale: str) -> str:
    """The languages that a person's Chrome asks for: the locale, then its language in any country.
    Automation asks for the locale alone."""
    return f"{locale},{locale.partition('-')[0]}"
