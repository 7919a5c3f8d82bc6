"""A page in a browser reports to the intake, which is of another origin."""

import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.error_intake.conftest import AUTH, OTHER_KEY, SECONDS, envelope, event
from tests.fakes.http_server import serving_files

NODE = Path(__file__).with_name("node")
ORIGIN = {"Origin": "https://shop.example"}
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-sentry-auth"}
SENDS = """async ([dsn, body, headers]) => {
  const {origin, username, pathname} = new URL(dsn);
  const address = `${origin}/api${pathname}/envelope/?sentry_version=7`;
  const query = headers ? "" : `&sentry_key=${username}`;
  const answer = await fetch(address + query, {method: "POST", body, headers: headers ?? {}});
  return [answer.status, answer.headers.get("retry-after")];
}"""
APP = """<!doctype html><script type="importmap">{map}</script><script type="module">
import * as Sentry from "@sentry/browser";
// Else 40 wait at most, and of requests that outlive their page a browser sends 64 KiB at once.
const transportOptions = {{bufferSize: 100, fetchOptions: {{keepalive: false}}}};
Sentry.init({{dsn: "{dsn}", release: "{release}", environment: "production", transportOptions}});
// With words of its own each: this SDK sends no error twice in a row.
function total(number) {{ throw new TypeError(`walk ${{number}} has no lines`); }}
for (let number = 0; number < 50; number++) {{
  try {{ total(number); }} catch (error) {{ Sentry.captureException(error); }}
}}
document.title = await Sentry.flush(20000) ? "sent" : "not sent";
</script>"""


def cors(headers):
    found = {name.lower(): value for name, value in headers.items()}
    return {
        name.removeprefix("access-control-"): value
        for name, value in found.items()
        if name.startswith("access-control-")
    }


def test_a_browser_that_asks_first_is_answered_whoever_it_is(shared) -> None:
    status, headers, body = shared.send(method="OPTIONS", headers={**ORIGIN, **ASKS})
    assert (status, body) == (204, b"")
    assert cors(headers)["allow-origin"] == "*"
    assert cors(headers)["allow-methods"] == "POST"
    assert "X-Sentry-Auth" in cors(headers)["allow-headers"]
    assert "allow-credentials" not in cors(headers)
    assert headers["connection"] == "close"
    assert shared.spool.groups() == ()


def test_nothing_that_comes_with_the_question_is_read(shared) -> None:
    headers = {**ORIGIN, **ASKS, "Content-Length": "999999999"}
    assert shared.status(method="OPTIONS", headers=headers) == 204


@pytest.mark.parametrize("path", ["/webhooks/sentry", "/webhooks/bugsink/secret", "/nowhere"])
def test_no_other_address_is_for_pages(shared, path) -> None:
    status, headers, _ = shared.send(method="OPTIONS", path=path, headers={**ORIGIN, **ASKS})
    assert (status in (404, 405), cors(headers)) == (True, {})
    assert cors(shared.send(path=path, headers=ORIGIN)[1]) == {}


def test_a_page_reads_its_answer_and_its_refusal(place) -> None:
    refused = {**ORIGIN, "X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"}
    taken = {**ORIGIN, "X-Sentry-Auth": AUTH}
    for headers, expected in ((taken, 200), (refused, 403)):
        status, answered, _ = place.send(envelope(event()), headers=headers)
        assert (status, cors(answered)["allow-origin"]) == (expected, "*")
        assert cors(answered)["expose-headers"] == "Retry-After, X-Sentry-Rate-Limits"


@contextmanager
def opened(address):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), timeout=SECONDS * 1000
        )
        page = browser.new_page()
        page.set_default_timeout(SECONDS * 1000)
        page.goto(address)
        yield page
        browser.close()


def test_a_page_of_another_origin_sends_as_the_sdk_does_and_with_a_header_of_its_own(
    place, tmp_path
) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<!doctype html><title>A shop</title>")
    with serving_files(tmp_path / "page") as server, opened(server.url) as page:
        for number, headers in enumerate((None, {"X-Sentry-Auth": AUTH}), start=1):
            body = envelope(event(number)).decode()
            assert page.evaluate(SENDS, [place.dsn, body, headers]) == [200, None]
    (group,) = place.spool.groups()
    assert group.count == 2


@pytest.mark.soak("npm installs 79 MB; the test above sends what this SDK does")
def test_fifty_errors_of_the_browser_sdk_are_one_group(place, tmp_path) -> None:
    app = tmp_path / "node"
    shutil.copytree(NODE, app)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(install, cwd=app, check=True, timeout=150)
    names = subprocess.run(
        ["node", "names.mjs"], cwd=app, check=True, timeout=60, capture_output=True, text=True
    ).stdout
    page = APP.format(map=json.dumps(json.loads(names)), dsn=place.dsn, release="d" * 40)
    (app / "index.html").write_text(page)
    with serving_files(app) as server, opened(server.url) as shown:
        shown.wait_for_function("document.title")
        assert shown.title() == "sent"
    (group,) = place.spool.groups()
    assert (group.release, group.count) == ("d" * 40, 50)
    sample = place.spool.sample(group.group)
    assert (sample.type, sample.platform) == ("TypeError", "javascript")
    assert sample.frames[-1].function == "total"
