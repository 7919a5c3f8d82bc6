"""`record`: what a person does becomes steps, and what a recording cannot know is named."""

import asyncio
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.async_api import Error, Page

from tests.fakes.http_server import Request, serving
from validators.authoring.recorded_element import LARGEST_SNAPSHOT, Called, called
from validators.authoring.recorded_journey import TO_FILL_IN, Action, Asked, journey_of
from validators.authoring.recording import MOST_ACTIONS, Recorder, recorded, window_browser
from validators.authoring.trying import address_of
from validators.domain.stops import UsageError
from validators.language.check import complaints
from validators.language.reader import read

ORIGIN = "http://127.0.0.1:8000"
OPENED = Action("navigate", url=f"{ORIGIN}/")
# As Playwright's recorder writes it.
TREE = """
- heading "Walks" [level=1] [ref=e1]
- link "Mussel banks 12 places left" [ref=e2] [cursor=pointer]:
  - /url: /x
- textbox "Name" [active] [ref=e3]: Ada
- combobox "Size" [ref=e4]:
  - option "One"
  - option "Two people" [selected]
- list "Guests" [ref=e5]:
  - listitem [ref=e6]:
    - text: Ada
    - button "Delete" [ref=e7]
  - listitem [ref=e8]:
    - text: Ben
    - button "Delete" [ref=e9]
- table [ref=e10]:
  - row [ref=e11]:
    - cell "Ada" [ref=e12]
    - cell [ref=e13]:
      - button "Cancel" [ref=e14]
  - row [ref=e15]:
    - cell "Ben" [ref=e16]
    - cell [ref=e17]:
      - button "Cancel" [ref=e18]
- navigation "Main" [ref=e19]:
  - link "Next" [ref=e20]
- link "Next" [ref=e21]
- generic [ref=e22]: Show SQL
- status [ref=e23]: Booked for Ada
- 'button "a: b" [ref=e24]'
- button "More" [ref=e25]
- button "More" [ref=e26]
- textbox [ref=e27]
- generic [ref=e28]
- button "{{ any.name }}" [ref=e29]
- generic [ref=e30]:
  - text: Around
  - button "Other" [ref=e31]
- generic [ref=e33]:
  - text: Show
  - text: all
"""


@pytest.mark.parametrize(
    ("ref", "field", "name"),
    [
        ("e2", False, Called((("link", "Mussel banks 12 places left"),))),
        ("e3", True, Called((("label", "Name"),))),
        ("e3", False, Called((("textbox", "Name"),))),
        ("e4", True, Called((("label", "Size"),), picked=("Two people",))),
        ("e9", False, Called((("button", "Delete"),), Called((("listitem", "Ben"),)))),
        ("e14", False, Called((("button", "Cancel"),), Called((("row", "Ada"),)))),
        ("e20", False, Called((("link", "Next"),), Called((("navigation", "Main"),)))),
        ("e21", False, Called((("link", "Next"),), at=2)),
        ("e22", False, Called((("words", "Show SQL"),))),
        ("e23", False, Called((("role", "status"),))),
        ("e24", False, Called((("button", "a: b"),))),
        ("e26", False, Called((("button", "More"),), at=2)),
        ("e28", False, None),
        ("e30", False, None),
        ("e33", False, Called((("words", "Show all"),))),
        ("e29", False, None),
        ("e99", False, None),
    ],
)
def test_an_element_is_named_whole_and_so_that_nothing_else_is_meant(ref, field, name) -> None:
    assert called(TREE, ref, field=field) == name


def test_a_tree_that_is_none_or_too_long_names_nothing() -> None:
    assert called("- {", "e1", field=False) is None
    assert called(TREE + "#" * LARGEST_SNAPSHOT, "e1", field=False) is None


def element(key, words, **more) -> Called:
    return Called(((key, words),), **more)


NAME, BOOK = element("label", "Name"), element("button", "Book")
TYPED = Action("fill", NAME, "#n", text="Ada")


def steps_of(*actions: Action) -> list[str]:
    text = journey_of((OPENED, *actions), origin=ORIGIN, name="recorded")
    block = text[text.index("steps:") : text.index("expect:    #")]
    return [line.strip() for line in block.splitlines()[2:]]


@pytest.mark.parametrize(
    ("action", "step"),
    [
        (Action("navigate", url=f"{ORIGIN}/a?b=1"), '- open: "/a?b=1"'),
        (TYPED, '- fill: {label: Name, value: "{{ name }}"}'),
        (Action("fill", NAME), "- clear: {label: Name}"),
        (Action("check", element("label", "I can swim")), '- check: {label: "I can swim"}'),
        (Action("select", element("label", "Size", picked=("Two people",))),
         '- select: {label: Size, option: "Two people"}'),
        (Action("click", BOOK), "- click: {button: Book}"),
        (Action("click", element("button", "No", at=2)), '- click: {button: "No", at: 2}'),
        (Action("click", BOOK, downloads=True), "- download: {button: Book, as: file}"),
        (Action("press", NAME, key="a", held=2), '- press: {key: "Control+a", label: Name}'),
        (Action("press", element("words", "Around"), key="Escape"), "- press: Escape"),
        (Action("reload"), "- reload"),
        (Action("back"), "- back"),
    ],
)  # fmt: skip
def test_an_action_becomes_a_step_of_the_language(action, step) -> None:
    assert steps_of(action) == [step]
    text = f"journey: j\npromise: issue\nlet: {{name: x}}\nsteps:\n  - open: /\n  {step}\n"
    assert read(f"{text}expect:\n  - title: x\n")


@pytest.mark.parametrize(
    ("action", "comment"),
    [
        (Action("click", None, "testid=foo"), "click testid=foo"),
        (Action("click", BOOK, right=True), "a click with the right button on {button: Book}"),
        (Action("click", BOOK, clicks=2), "a double click on {button: Book}"),
        (Action("click", BOOK, held=8), "a click with a key held on {button: Book}"),
        (Action("click", None, "s\nevil: 1"), "click s evil: 1"),
        (Action("navigate", url="http://elsewhere.example/"), "navigate http://elsewhere.example/"),
        (Action("fill in another window", NAME), "fill in another window {label: Name}"),
    ],
)  # fmt: skip
def test_what_has_no_words_in_the_language_is_named_and_has_to_be_filled_in(action, comment):
    assert steps_of(action) == [
        f"# recorded was: {comment}",
        '- click: {words: "<fill in: what was done here, see the comment>"}',
    ]


@pytest.mark.parametrize(
    "parts",
    [
        (Action("click", NAME, "#n"), Action("press", NAME, "#n", key="a", held=2), TYPED),
        (Action("openPage"), TYPED, Action("closePage")),
        (Action("press", NAME, "#n", key="F5"), TYPED, Action("press", key="r", held=2)),
        (TYPED, Action("click", BOOK, clicks=0)),
    ],
)
def test_what_is_only_a_part_of_an_action_is_no_step_of_its_own(parts) -> None:
    assert steps_of(*parts) == ['- fill: {label: Name, value: "{{ name }}"}']


def test_the_key_between_two_fields_is_no_step_and_the_one_that_sends_is() -> None:
    other = Action("fill", element("label", "Size"), "#s", text="4")
    keys = [Action("press", NAME, "#n", key=key) for key in ("Tab", "Enter")]
    assert [one.split(":")[0] for one in steps_of(TYPED, keys[0], other, keys[1])] == [
        "- fill",
        "- fill",
        "- press",
    ]


def test_a_dialog_stands_before_the_step_that_causes_it_with_the_answer_that_was_given() -> None:
    confirmed = Asked("confirm", "Delete Ada?", accepted=True)
    prompted = Asked("prompt", "Who?", accepted=True, typed="Ben")
    assert steps_of(Action("click", BOOK, asked=(confirmed, prompted)))[:-1] == [
        '- dialog: {says: "Delete Ada?", answer: accept}',
        '- dialog: {says: "Who?", type: Ben}',
    ]
    refused = Action("click", BOOK, asked=(Asked("confirm", "Sure?"),))
    assert steps_of(refused)[0] == '- dialog: {says: "Sure?", answer: dismiss}'


def test_what_was_looked_at_last_must_be_seen_and_what_was_put_in_is_mentioned_by_name() -> None:
    before = Action("assertVisible", BOOK)
    said = Action("assertText", element("role", "status"), text="Booked for Ada", substring=True)
    text = journey_of((OPENED, before, TYPED, before, said), origin=ORIGIN, name="j")
    assert "  - expect: {visible: {button: Book}}\n  - fill:" in text
    wanted = (
        '  - visible: {button: Book}\n  - text: {role: status, contains: "Booked for {{ name }}"}'
    )
    assert wanted in text
    assert text.endswith('    - text: {role: status, contains: "Booked for nobody"}\n')
    assert complaints(text) == ()


def test_where_nothing_was_looked_at_a_guess_is_marked_and_without_one_it_is_asked_for() -> None:
    text = journey_of((OPENED, TYPED), origin=ORIGIN, name="j")
    assert '  - text: "{{ name }}"    # a guess' in text
    assert complaints(text) == ()
    asked = complaints(journey_of((OPENED,), origin=ORIGIN, name="j"))
    assert [one.partition(": ")[2] for one in asked] == [
        f"{TO_FILL_IN}: words that must be there because of what was done",
        f"{TO_FILL_IN}: words that must not be",
    ]


def test_a_password_is_not_written_down() -> None:
    hidden = Action("fill", element("label", "Password"), text="hunter2", secret=True)
    text = journey_of((OPENED, hidden), origin=ORIGIN, name="j")
    assert "hunter2" not in text
    assert any("it was hidden" in one for one in complaints(text))
    shown = Action("assertValue", hidden.element, text="hunter2", secret=True)
    assert "hunter2" not in journey_of((OPENED, hidden, shown), origin=ORIGIN, name="j")


WORDS = st.text(max_size=12) | st.sampled_from(
    ["{{ any.name }}", "<fill in: x>", "yes", "a\nb", "\ud800"]
)
KEYS = st.sampled_from(["label", "button", "link", "words", "row", "heading"])
ELEMENTS = st.none() | st.builds(
    lambda key, words, at: Called(((key, words or "x"),), at=at, picked=(words,)),
    KEYS, WORDS.filter(lambda words: "{{" not in words), st.integers(0, 3),
)  # fmt: skip
ACTIONS = st.builds(
    Action,
    st.sampled_from(["click", "fill", "select", "check", "press", "hover", "navigate", "reload",
                     "assertText", "assertVisible", "assertValue", "assertChecked", "assertSnapshot"]),
    ELEMENTS,
    selector=WORDS, text=WORDS, key=WORDS, url=WORDS.map(lambda path: f"{ORIGIN}/{path}"),
    clicks=st.integers(0, 3), downloads=st.booleans(), secret=st.booleans(),
    asked=st.lists(st.builds(Asked, st.sampled_from(["alert", "confirm", "prompt", "beforeunload"]),
                             WORDS, st.booleans(), WORDS), max_size=2).map(tuple),
)  # fmt: skip


@given(st.lists(ACTIONS, max_size=5))
def test_whatever_is_recorded_check_accepts_it_or_names_what_is_to_be_filled_in(actions) -> None:
    text = journey_of(tuple(actions), origin=ORIGIN, name="recorded")
    text.encode()
    assert [one for one in complaints(text) if TO_FILL_IN not in one] == [], text


def test_at_most_so_many_actions_are_kept_and_the_last_one_is_not_changed_by_what_follows() -> None:
    recorder = Recorder(ORIGIN)
    for number in range(MOST_ACTIONS + 5):
        recorder.action_added(None, {"name": "click", "selector": str(number)}, "")
    recorder.action_updated(None, {"name": "fill", "selector": "later"}, "")
    recorder.signal_added(None, {"name": "download"}, "")
    assert recorder.done()[-1] == Action("click", selector=str(MOST_ACTIONS - 1))


def test_without_a_screen_it_is_refused_with_what_is_lacking() -> None:
    with pytest.raises(UsageError, match="neither DISPLAY nor WAYLAND_DISPLAY is set"):
        window_browser({})


PAGE = """<!doctype html><title>Walks</title><a href=/b>Mussel banks <b>12</b> places left of many</a>
<form action=/b><label>Name <input name=n></label><label>Code <input type=password></label>
<label>Size <select name=z><option value=1>One<option value=2>Two people</select></label>
<label>List <input type=file></label><button data-testid=book>Book</button></form>
<ul><li>Ada <button>Delete</button><li>Ben <button onclick="confirm('Sure?')">Delete</button></ul>
<a href=/b download=walks.csv>Export</a><i data-testid=mark style="display:block;height:9px"></i>"""


@contextmanager
def app_of(body: str):
    """An app at an address of this machine, and the paths that it was asked for."""
    asked: list[str] = []

    def answer(request: Request) -> None:
        asked.append(request.path)
        request.reply(200, body.encode(), {"Content-Type": "text/html"})

    with serving(answer) as server:
        yield server.url, asked


async def booked(page: Page, recorder: Recorder) -> None:
    """What a person may do, with everything that the recorder tells in its own way."""

    async def told(name: str, what: Called | None = None) -> None:
        # It tells of a click half a second late: a person is slower than that.
        while (recorder.actions[-1].name, recorder.actions[-1].element) != (name, what):
            await asyncio.sleep(0.05)

    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("link", name="Mussel").click()
    await told("click", element("link", "Mussel banks 12 places left of many"))
    await page.reload()
    await page.get_by_label("Name").click()
    await page.get_by_label("Name").press_sequentially("Ada Holt")
    await page.keyboard.press("Tab")
    await page.get_by_label("Code").fill("hunter2")
    await page.get_by_label("Size").select_option("2")
    await page.get_by_label("List").set_input_files(
        {"name": "guests.csv", "mimeType": "text/csv", "buffer": b"Ada"}
    )
    await page.get_by_role("button", name="Delete").nth(1).click()
    await page.get_by_role("link", name="Export").click()
    await page.get_by_test_id("mark").click()
    await page.get_by_test_id("book").click()
    await page.wait_for_load_state()
    await told("click", element("button", "Book"))
    await page.go_back()
    await told("navigate")


def test_what_a_person_does_in_a_real_browser_is_written_down(chromium: str) -> None:
    """Playwright's recorder itself: its interface is not a public one, and a new release of it may
    tell things in another way."""
    shown: list[str] = []
    with app_of(PAGE) as (origin, _):
        recorder = Recorder(origin, shown.append)
        address = address_of(origin)

        async def person(page: Page) -> None:
            await booked(page, recorder)

        done = asyncio.run(recorded(recorder, address, executable=chromium, person=person))
    text = journey_of(done, origin=origin, name="recorded")
    steps = [
        "- open: /",
        '- click: {link: "Mussel banks 12 places left of many"}',
        "- reload",
        '- fill: {label: Name, value: "{{ name }}"}',
        '- fill: {label: Code, value: "{{ code }}"}',
        '- select: {label: Size, option: "Two people"}',
        '- upload: {button: List, file: {name: "guests.csv", text: "<fill in: what stands in the file>"}}',
        '- dialog: {says: "Sure?", answer: accept}',
        "- click: {button: Delete, in: {listitem: Ben}}",
        "- download: {link: Export, as: file}",
        '# recorded was: click internal:testid=[data-testid="mark"s]',
        '- click: {words: "<fill in: what was done here, see the comment>"}',
        "- click: {button: Book}",
        "- open: /b",
    ]
    block = text[text.index("steps:") : text.index("expect:    #")]
    assert [line.strip() for line in block.splitlines()[1:]] == steps
    assert shown == steps
    assert "hunter2" not in text
    assert [one.partition(": still ")[2] for one in complaints(text)] == [
        "to be filled in: what is typed here: it was hidden",
        "to be filled in: what stands in the file",
        "to be filled in: what was done here, see the comment",
    ]


def test_the_window_reaches_the_app_and_nothing_else(chromium: str) -> None:
    """Neither another port of this machine, nor a name; by no kind of request."""
    with app_of("elsewhere") as (elsewhere, asked):
        host = elsewhere.removeprefix("http://")
        port = host.rpartition(":")[2]
        body = f"""<img src=/own.png><img src={elsewhere}/img><iframe src={elsewhere}/frame></iframe>
        <img src=http://localhost:{port}/name><script>fetch("{elsewhere}/fetch", {{mode: "no-cors"}})
        new WebSocket("ws://{host}/socket"); navigator.sendBeacon("{elsewhere}/beacon")</script>"""

        async def goes_there(page: Page) -> None:
            await page.wait_for_timeout(500)
            await page.goto(f"{elsewhere}/page")

        with app_of(body) as (origin, own):
            address = address_of(origin)
            with pytest.raises(Error, match="ERR_PROXY_CONNECTION_FAILED"):
                asyncio.run(
                    recorded(Recorder(origin), address, executable=chromium, person=goes_there)
                )
    assert "/own.png" in own
    assert asked == []
