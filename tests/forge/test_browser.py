"""A person files an issue, in a real browser."""

import shutil

import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=shutil.which("chromium-headless-shell"))
        yield launched
        launched.close()


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    yield tab
    context.close()


def test_a_visitor_files_an_issue_and_sees_it_answered_without_reloading(place, tab):
    tab.goto(f"{place.forge.url}/{place.name}")
    tab.get_by_role("link", name="New issue").click()
    tab.get_by_label("Your name").fill(f"Ana María {place.prefix}")
    tab.get_by_label("Title").fill("The <script>alert(1)</script> confirmation is off by one")
    tab.get_by_label("What happens, and what should?").fill("I booked for **4**.\n\n<img src=x onerror=alert(2)>")
    tab.get_by_role("button", name="File the issue").click()
    tab.wait_for_url("**/issues/1")
    assert tab.get_by_role("heading", level=1).inner_text() == "The <script>alert(1)</script> confirmation is off by one #1"
    issue = place.api("GET", "/issues/1").json()
    assert issue["user"]["login"] == f"Ana-Maria-{place.prefix}"
    assert issue["body"] == "I booked for **4**.\n\n<img src=x onerror=alert(2)>"
    place.api("POST", "/issues/1/labels", by=place.factory, json={"labels": ["factory:accepted"]})
    place.api("POST", "/issues/1/comments", by=place.factory, json={"body": "<!-- m -->\n\nAccepted."})
    tab.get_by_text("Accepted.").wait_for(timeout=10_000)
    assert tab.locator('[aria-current="step"]').inner_text() == "Accepted"
    tab.get_by_label("Comment").fill("Thank you!")
    tab.get_by_role("button", name="Comment").click()
    tab.get_by_text("Thank you!").wait_for()
    assert [one["body"] for one in place.api("GET", "/issues/1/comments").json()] == ["<!-- m -->\n\nAccepted.", "Thank you!"]
    assert tab.complaints == []


def test_the_form_works_by_keyboard_alone(place, tab):
    tab.goto(f"{place.forge.url}/{place.name}/issues/new")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    for text in (f"kim-{place.prefix}", "Filed by keyboard", "All of it."):
        tab.keyboard.press("Tab")
        tab.keyboard.type(text)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/issues/1")
    assert place.api("GET", "/issues/1").json()["title"] == "Filed by keyboard"
    assert tab.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(place, tab, width):
    table = "| " + "wide | " * 30 + "\n" + "|---" * 30 + "|\n"
    number = place.file("W" * 200, "x" * 400 + f"\n\n{table}\n```\n" + "y" * 300 + "\n```")
    place.api("POST", f"/issues/{number}/labels", by=place.owner, json={"labels": ["l" * 50, "factory:validating"]})
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": f"refs/heads/{'b' * 150}", "sha": main})
    place.push({"d" * 100 + "/" + "f" * 100 + ".txt": "z" * 500 + "\n"}, branch="b" * 150, message="m" * 200)
    opened = place.api("POST", "/pulls", by=place.factory, json={"title": "P" * 200, "head": "b" * 150, "base": "main"})
    tab.set_viewport_size({"width": width, "height": 844})
    pull = opened.json()["number"]
    for path in ("", "/issues", f"/issues/{number}", f"/pull/{pull}", "/pulls", "/issues/new", "/commits/main"):
        tab.goto(f"{place.forge.url}/{place.name}{path}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
    assert tab.complaints == []
