"""Two visitors: the plain one is what automation looks like, the masked one is what a person's
Chrome looks like.

The mask is put on in four places, because each of them leaks alone (seen on Chromium 156): the
process's flags (user agent everywhere, workers included; no `navigator.webdriver`),
`Emulation.setUserAgentOverride` with metadata on every page (`userAgentData`), the wire's headers
(a pop-up's first request leaves before its page object exists), and an initial script for that
pop-up's own first document. What else a page can ask for is `likeness`'s; timing still tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

_GREASE = {"brand": "Not:A-Brand", "version": "8"}


@dataclass(frozen=True, slots=True)
class Mask:
    """The claim of being Google Chrome of one version on Linux."""

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
        """What the wire writes over, wherever a request carries it."""
        return {
            "user-agent": self.agent,
            "sec-ch-ua": self._list(self.major, _GREASE["version"]),
            "accept-language": f"{_languages(language)};q=0.9",
        }

    def script(self) -> str:
        """For a document that was there before its override: the same brands, only where others
        would show."""
        brands = json.dumps(self._brands(self.major, _GREASE["version"]))
        full = json.dumps(self._brands(self.version, "8.0.0.0"))
        return (
            "(() => { const data = navigator.userAgentData;if (!data || !data.brands.some(b =>"
            f" b.brand === 'HeadlessChrome')) return;const brands = {brands}, full = {full}, kind ="
            " NavigatorUAData.prototype;const hints ="
            " kind.getHighEntropyValues;Object.defineProperty(kind, 'brands', {get: () => brands,"
            " configurable: true, enumerable: true});kind.getHighEntropyValues = async function"
            " getHighEntropyValues(wanted) {const told = await hints.call(this, wanted);"
            " told.brands = brands;if (told.fullVersionList) told.fullVersionList = full; return"
            " told; }; })()"
        )

    def _brands(self, version: str, grease: str) -> list[dict[str, str]]:
        named = [{"brand": brand, "version": version} for brand in ("Chromium", "Google Chrome")]
        return [{**_GREASE, "version": grease}, *named]

    def _list(self, version: str, grease: str) -> str:
        return ", ".join(
            f'"{one["brand"]}";v="{one["version"]}"' for one in self._brands(version, grease)
        )


def _languages(locale: str) -> str:
    """What a person's Chrome asks for: the locale, and then its language in any country. Automation
    asks for one alone."""
    return f"{locale},{locale.partition('-')[0]}"
