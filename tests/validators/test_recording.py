"""`record`: what a person does becomes steps, and what has no words in the language is named."""

import asyncio
import http.server
import threading

import pytest
from playwright.async_api import Page

from validators.authoring.recording import Actions, journey_of, recorded, window_browser
from validators.domain.stops import UsageError
from validators.language.check import complaints
from validators.language.reader import read

ORIGIN = "http://127.0.0.1:8000"


def role(kind, name=None, **more):
    options = {"attrs": [], "exact": False, **({"name": name} if name else {})}
    return {"kind": "role", "body": kind, "options": options, **more}


def steps_of(*actions) -> list[str]:
    text = journey_of(actions, origin=ORIGIN, name="recorded")
    block = text[text.index("steps:") : text.index("expect:    #")]
    return [line.strip() for line in block.splitlines()[1:]]


ITEM = {
    **role("listitem"),
    "next": {"kind": "has-text", "body": "Ben", "options": {}, "next": role("button", "Delete")},
}


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ({"name": "navigate", "url": f"{ORIGIN}/a?b=1"}, '- open: "/a?b=1"'),
        ({"name": "fill", "locator": role("textbox", "Name"), "text": "Ada"},
         '- fill: {label: "Name", value: "{{ name }}"}'),
        ({"name": "fill", "locator": role("textbox", "Name"), "text": ""}, '- clear: {label: "Name"}'),
        ({"name": "check", "locator": role("checkbox", "Swim")}, '- check: {label: "Swim"}'),
        ({"name": "select", "locator": {"kind": "label", "body": "Size"}, "options": ["2"]},
         '- select: {label: "Size", option: "2"}'),
        ({"name": "click", "locator": role("button", "Book"), "button": "left", "clickCount": 1},
         '- click: {button: "Book"}'),
        ({"name": "click", "locator": ITEM, "button": "left", "clickCount": 1},
         '- click: {button: "Delete", in: {listitem: "Ben"}}'),
        ({"name": "click", "button": "left", "clickCount": 1,
          "locator": role("button", "Delete", next={"kind": "nth", "body": "1"})},
         '- click: {button: "Delete", at: 2}'),
        ({"name": "press", "locator": role("textbox", "Name"), "key": "a", "modifiers": 2},
         '- press: {key: "Control+a", textbox: "Name"}'),
        ({"name": "setInputFiles", "locator": role("button", "Photo"), "files": ["/home/a/x.txt"]},
         '- upload: {button: "Photo", files: [{name: "x.txt", text: "<fill in: what stands in it>"}]}'),
    ],
)  # fmt: skip
def test_an_action_becomes_a_step_of_the_language(action, step) -> None:
    found = steps_of({"name": "navigate", "url": f"{ORIGIN}/"}, action)
    assert found[-1] == step
    if "fill in" not in step:
        text = f"journey: j\npromise: issue\nlet: {{name: x}}\nsteps:\n  - open: /\n  {step}\n"
        assert read(f"{text}expect:\n  - title: x\n")


@pytest.mark.parametrize(
    ("action", "comment"),
    [
        ({"name": "click", "locator": {"kind": "test-id", "body": "foo"}, "selector": "testid=foo",
          "button": "left", "clickCount": 1}, "click testid=foo"),
        ({"name": "click", "locator": role("button", "x"), "selector": "s\nevil: 1",
          "button": "right", "clickCount": 1}, "click s evil: 1"),
        ({"name": "navigate", "url": "http://elsewhere.example/"}, "navigate http://elsewhere.example/"),
        ({"name": "press", "locator": role("textbox", "N"), "selector": "s", "key": "F7"}, "press s"),
    ],
)  # fmt: skip
def test_what_has_no_words_in_the_language_is_named_in_a_comment(action, comment) -> None:
    assert steps_of({"name": "navigate", "url": f"{ORIGIN}/"}, action)[-1] == (
        f"# not in the journey language: {comment}"
    )


def test_what_a_page_does_by_itself_is_no_step_and_what_a_step_causes_is_named() -> None:
    actions = Actions()
    actions.action_added(None, {}, '{"name": "openPage", "url": "about:blank"}')
    actions.action_added(None, {}, '{"name": "click", "clickCount": 0, "button": "left"}')
    actions.action_added(None, {}, '{"name": "navigate", "url": "http://127.0.0.1:8000/x"}')
    actions.action_updated(None, {}, '{"name": "navigate", "url": "http://127.0.0.1:8000/y"}')
    actions.signal_added(None, {"signal": {"name": "dialog"}}, "")
    assert steps_of(*actions.done) == [
        "# the next step caused a dialog: see `dialog` in the journey language",
        '- open: "/y"',
    ]


def test_without_a_screen_it_is_refused_with_what_is_lacking() -> None:
    with pytest.raises(UsageError, match="neither DISPLAY nor WAYLAND_DISPLAY is set"):
        window_browser({})


PAGE = """<!doctype html><title>Walks</title><form action=/booked>
<label>Name <input name=n></label><label><input type=checkbox> I can swim</label>
<button>Book</button></form><div data-testid=mark style="width:9px;height:9px"></div>"""


def test_what_a_person_does_in_a_real_browser_is_written_down(chromium: str) -> None:
    """Playwright's recorder itself: its interface is not a public one."""

    class App(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_: object) -> None:
            pass

    async def person(page: Page) -> None:
        await page.get_by_label("Name").fill("Ada Holt")
        await page.get_by_label("I can swim").check()
        await page.get_by_test_id("mark").click()
        await page.get_by_role("button", name="Book").click()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), App) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        done = asyncio.run(recorded(origin, executable=chromium, person=person))
        server.shutdown()
    text = journey_of(done, origin=origin, name="recorded")
    assert steps_of(
        *({**one, "url": one.get("url", "").replace(origin, ORIGIN)} for one in done)
    ) == [
        '- open: "/"',
        '- fill: {label: "Name", value: "{{ name }}"}',
        '- check: {label: "I can swim"}',
        '# not in the journey language: click internal:testid=[data-testid="mark"s]',
        '- click: {button: "Book"}',
    ]
    assert complaints(text) == ()
