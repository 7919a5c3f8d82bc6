"""People at the forge's pages, in a real browser: on a phone and on a large screen, by hand, by
keyboard and with a screen reader."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.forge.pages.reading import FORM

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
# Milliseconds of a machine that is busy with other things.
SECONDS = 120_000
PAGES = (
    "",
    "/issues",
    "/issues/1",
    "/issues/new",
    "/issues/new?template=bug.yml",
    "/pulls",
    "/pull/2",
    "/pull/2?view=split",
    "/commits/main",
    "/blob/main/README.md",
    "/issues/1/edit",
)
RULES = """It **failed**.

| rule | answer | fact |
| --- | --- | --- |
| LAW-PROTECTED | holds | touches 3 paths, none of them protected |
| F-SIZE | refuses | 412 changed lines, at most 300 |
"""
SMALL = """() => [...document.querySelectorAll("a, button, summary, input, select, textarea")].filter((one) => {
  const area = one.getBoundingClientRect();
  const isInline = getComputedStyle(one).display === "inline";
  const inText = isInline && one.closest("p, li, td, h1, h2, .line, .where, .done");
  const isSmall = area.height < 24 || area.width < 24;
  return area.width && area.x >= 0 && !one.closest(".prose") && !one.closest("label") && !inText && isSmall;
}).map((one) => one.outerHTML.slice(0, 120))"""

TELLS_FOCUS = """() => {
  const all = [...document.querySelectorAll("a[href], button, summary, input, select, textarea")]
    .filter((one) => one.type !== "hidden" && one.checkVisibility());
  window.reached = [];
  document.addEventListener("focusin", ({target}) => reached.push(
    [all.indexOf(target), getComputedStyle(target).outlineStyle, target.outerHTML.slice(0, 200)]));
  return all.length;
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), timeout=SECONDS
        )
        yield launched
        launched.close()


@pytest.fixture
def open_tab(browser):
    """Opens tabs as they are asked for; each lists what its console complained of."""
    contexts = []

    def opened(width=390, *, scheme="light", **more):
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": 844}, color_scheme=scheme, **more
            )
        )
        tab = contexts[-1].new_page()
        tab.set_default_timeout(SECONDS)
        tab.complaints = []
        tab.on(
            "console",
            lambda said: (
                tab.complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.on(
            "dialog",
            lambda dialog: (tab.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()),
        )
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def tab(open_tab):
    return open_tab()


@pytest.fixture(scope="module")
def lived_in(museum):
    """A repository with a form, an issue that has been talked about, and a pull request
    that was judged."""
    wide = "| " + "wide | " * 30 + "\n" + "|---" * 30 + "|\n"
    museum.push(
        {
            ".github/ISSUE_TEMPLATE/bug.yml": FORM,
            "README.md": "# Tidebook\n\n### Deep\n\n- [x] done\n- [ ] not\n",
            "old.py": "".join(f"line {number}\n" for number in range(30)),
        }
    )
    museum.file(
        "W" * 200, "x" * 400 + f"\n\n# One\n\n{wide}\n```\n" + "y" * 300 + "\n```\n\n- [x] ticked"
    )
    museum.api(
        "POST",
        "/issues/1/labels",
        by=museum.owner,
        json={"labels": ["l" * 50, "factory:validating"]},
    )
    said = "<!-- m -->\n\nSaid.\n\n<details><summary>More</summary>\n\nX\n"
    museum.api("POST", "/issues/1/comments", by=museum.factory, json={"body": said})
    main = museum.api("GET", "/branches/main").json()["commit"]["sha"]
    museum.api(
        "POST", "/git/refs", by=museum.factory, json={"ref": f"refs/heads/{'b' * 150}", "sha": main}
    )
    (museum.folder / "old.py").unlink()
    head = museum.push(
        {
            "d" * 100 + "/" + "f" * 100 + ".txt": "z" * 500 + "\n",
            "app.py": "print('high tide')\n",
            "big.txt": "tide\n" * 500,
        },
        branch="b" * 150,
        message="m" * 200,
    )
    museum.api(
        "POST",
        "/pulls",
        by=museum.factory,
        json={"title": "P" * 200, "head": "b" * 150, "base": "main", "body": "Why."},
    )
    remark = {"path": "d" * 100 + "/" + "f" * 100 + ".txt", "line": 1, "body": "v" * 300}
    museum.api(
        "POST",
        "/pulls/2/reviews",
        by=museum.owner,
        json={"event": "REQUEST_CHANGES", "body": "u" * 300, "comments": [remark]},
    )
    note = {
        "path": "app.py",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "warning",
        "title": "Tide",
        "message": "Is it high?",
    }
    museum.api(
        "POST",
        "/check-runs",
        by=museum.factory,
        json={
            "name": "factory/seal",
            "head_sha": head,
            "conclusion": "failure",
            "details_url": f"{museum.forge.url}/-/health",
            "output": {
                "title": "One journey failed",
                "summary": RULES,
                "annotations": [note],
            },
        },
    )
    return museum


def sign_in(tab, place, account) -> None:
    tab.goto(f"{place.forge.url}/sign-in?back=/{place.name}/issues")
    tab.get_by_label("Your token").fill(account.token)
    tab.locator("main").get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/issues")


def test_a_visitor_files_an_issue_and_sees_it_answered_without_reloading(place, tab) -> None:
    tab.goto(f"{place.forge.url}/{place.name}")
    tab.get_by_role("link", name="New issue").click()
    tab.get_by_label("Your name").fill(f"Ana María {place.prefix}")
    tab.get_by_label("Title").fill("The <script>alert(1)</script> confirmation is off by one")
    tab.get_by_label("What happens, and what should?").fill(
        "I booked for **4**.\n\n<img src=x onerror=alert(2)>"
    )
    tab.get_by_role("button", name="File the issue").click()
    tab.wait_for_url("**/issues/1")
    assert (
        tab.get_by_role("heading", level=1).inner_text()
        == "The <script>alert(1)</script> confirmation is off by one #1"
    )
    issue = place.api("GET", "/issues/1").json()
    assert issue["user"]["login"] == f"Ana-Maria-{place.prefix}"
    assert issue["body"] == "I booked for **4**.\n\n<img src=x onerror=alert(2)>"
    place.api("POST", "/issues/1/labels", by=place.factory, json={"labels": ["factory:accepted"]})
    place.api(
        "POST", "/issues/1/comments", by=place.factory, json={"body": "<!-- m -->\n\nAccepted."}
    )
    # A screen reader gets it, too.
    tab.get_by_text("Accepted.", exact=True).wait_for()
    assert tab.locator('[aria-current="step"]').inner_text() == "Accepted"
    tab.get_by_label("Comment").fill("Thank you!")
    tab.get_by_role("button", name="Comment", exact=True).click()
    tab.get_by_text("Thank you!").wait_for()
    assert [one["body"] for one in place.api("GET", "/issues/1/comments").json()] == [
        "<!-- m -->\n\nAccepted.",
        "Thank you!",
    ]
    assert tab.complaints == []


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"),
        pytest.param(
            1280,
            "light",
            marks=pytest.mark.soak(
                "the same on a large screen, where the test above files an issue"
            ),
        ),
    ],
)
def test_an_issue_filed_by_form_is_followed_while_its_filer_writes(
    place, open_tab, width, scheme
) -> None:
    place.push(
        {
            ".github/ISSUE_TEMPLATE/bug.yml": FORM,
            ".github/ISSUE_TEMPLATE/config.yml": "blank_issues_enabled: false\n",
        }
    )
    tab = open_tab(width, scheme=scheme)
    sign_in(tab, place, place.person("ana"))
    tab.get_by_role("link", name="New issue").click()
    tab.get_by_label("Title").fill("By form")
    tab.get_by_label("Version").fill("1.2")
    tab.get_by_label("What happened?").fill("It *broke*")
    tab.get_by_label("Firefox").check()
    tab.get_by_label("Looked").check()
    tab.get_by_role("button", name="Preview").click()
    expect(tab.locator("#preview em").first).to_have_text("broke", timeout=SECONDS)
    tab.get_by_role("button", name="File the issue").click()
    tab.wait_for_url("**/issues/1")
    assert (
        place.api("GET", "/issues/1")
        .json()["body"]
        .startswith("### Version\n\n1.2\n\n### What happened?\n\nIt *broke*")
    )
    area = tab.get_by_label("Comment")
    area.type("Half a sen")
    tab.evaluate("document.querySelector('.commands').open = true; scrollTo(0, 120)")
    place.api("POST", "/issues/1/labels", by=place.factory, json={"labels": ["factory:building"]})
    place.api("POST", "/issues/1/comments", by=place.factory, json={"body": "Being built."})
    place.api("PATCH", "/issues/1", by=place.owner, json={"state": "closed"})
    expect(tab.get_by_text("Being built.", exact=True)).to_be_visible(timeout=SECONDS)
    expect(tab.get_by_role("button", name="Open again")).to_be_visible(timeout=SECONDS)
    expect(tab.locator("#news")).not_to_be_empty(timeout=SECONDS)
    assert tab.locator("#stays-head + ol").inner_text().startswith("Building")
    area.type("tence")
    assert area.input_value() == "Half a sentence"
    assert tab.evaluate(
        "[document.activeElement.id, document.querySelector('.commands').open, scrollY]"
    )[:2] == ["body", True]
    assert tab.complaints == []


def test_what_is_new_is_announced_to_screen_readers(place, tab) -> None:
    place.file("Talk")
    tab.goto(f"{place.forge.url}/{place.name}/issues/1")
    assert tab.locator("#news").get_attribute("aria-live") == "polite"
    result = f"A comment by {place.factory.login}."
    for body in ("Hello.", "Hello again."):
        tab.evaluate("document.getElementById('news').textContent = ''")
        place.api("POST", "/issues/1/comments", by=place.factory, json={"body": body})
        expect(tab.locator("#news")).to_have_text(result, timeout=SECONDS)
    place.api("POST", "/issues/1/labels", by=place.factory, json={"labels": ["factory:validating"]})
    expect(tab.locator("#news")).to_have_text("The factory has it at: Validating.", timeout=SECONDS)
    tab.evaluate(
        "document.querySelector('article').isTheSame = true;"
        " document.getElementById('news').textContent = ''"
    )
    place.api("DELETE", "/issues/1/labels", by=place.factory)
    expect(tab.locator("#way")).to_have_count(0, timeout=SECONDS)
    kept = tab.evaluate(
        "[document.querySelector('article').isTheSame, document.getElementById('news').textContent]"
    )
    # Unchanged elements were kept, and not announced again.
    assert kept == [True, ""]
    assert tab.complaints == []


def test_a_list_changes_while_somebody_looks_and_keeps_the_focus(place, tab) -> None:
    place.file("First")
    tab.goto(f"{place.forge.url}/{place.name}/issues")
    tab.get_by_role("link", name="First").focus()
    place.file("Second")
    expect(tab.get_by_role("link", name="Second")).to_be_visible(timeout=SECONDS)
    assert tab.evaluate("document.activeElement.textContent") == "First"
    assert tab.get_by_role("link", name="2 open").count() == 1
    assert tab.complaints == []


def test_a_form_that_was_left_by_accident_is_as_it_was(place, tab) -> None:
    place.push({".github/ISSUE_TEMPLATE/bug.yml": FORM})
    sign_in(tab, place, place.person("ana"))
    form = f"{place.forge.url}/{place.name}/issues/new?template=bug.yml"
    tab.goto(form)
    tab.get_by_label("Title").fill("Half")
    tab.get_by_label("Safari").check()
    tab.goto(f"{place.forge.url}/{place.name}")
    tab.goto(form)
    expect(tab.get_by_text("What you had written here was kept.")).to_be_visible(timeout=SECONDS)
    assert (tab.get_by_label("Title").input_value(), tab.get_by_label("Safari").is_checked()) == (
        "Half",
        True,
    )
    tab.get_by_label("Version").fill("1")
    tab.get_by_label("Looked").check()
    tab.get_by_role("button", name="File the issue").click()
    tab.wait_for_url("**/issues/1")
    tab.goto(form)
    assert (tab.get_by_label("Title").input_value(), tab.get_by_text("was kept").count()) == (
        "[Bug] ",
        0,
    )
    tab.get_by_label("Title").fill("Of the next person")
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("button", name="Sign out")).to_have_count(0, timeout=SECONDS)
    assert tab.evaluate("Object.keys(localStorage).length") == 0
    assert tab.complaints == []


def test_without_a_script_a_form_is_previewed_mended_and_filed(place, open_tab) -> None:
    place.push({".github/ISSUE_TEMPLATE/bug.yml": FORM})
    tab = open_tab(java_script_enabled=False)
    tab.goto(f"{place.forge.url}/{place.name}/issues/new?template=bug.yml")
    tab.get_by_label("What happened?").fill("It *broke*")
    tab.get_by_role("button", name="Preview").click()
    expect(tab.locator("#preview")).to_contain_text("It broke", timeout=SECONDS)
    tab.get_by_label("Your name").fill(place.owner.login)
    tab.get_by_label("Title").fill("By hand")
    tab.get_by_label("Version").fill("1")
    tab.get_by_label("Looked").check()
    tab.get_by_role("button", name="File the issue").click()
    expect(tab.get_by_role("alert")).to_contain_text("is called", timeout=SECONDS)
    assert tab.get_by_label("What happened?").input_value() == "It *broke*"
    tab.get_by_label("Your name").fill(f"kim-{place.prefix}")
    tab.get_by_role("button", name="File the issue").click()
    tab.wait_for_url("**/issues/1")
    tab.get_by_label("Comment").fill("Said")
    tab.get_by_role("button", name="Comment", exact=True).click()
    expect(tab.locator("article", has_text="Said")).to_have_count(1, timeout=SECONDS)


def test_the_form_works_by_keyboard_alone_and_names_its_errors(place, tab) -> None:
    tab.goto(f"{place.forge.url}/{place.name}/issues/new")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    expect(tab.locator("#main")).to_be_focused(timeout=SECONDS)
    for text in (place.owner.login, "Filed by keyboard", "All of it."):
        tab.keyboard.press("Tab")
        tab.keyboard.type(text)
    for _ in range(3):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("alert")).to_be_focused(timeout=SECONDS)
    assert tab.get_by_label("Your name").get_attribute("aria-invalid") == "true"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator("#name")).to_be_focused(timeout=SECONDS)
    tab.keyboard.press("Control+A")
    tab.keyboard.type(f"kim-{place.prefix}")
    # As everywhere, Enter in a line sends the form: by its first button, which keeps nothing.
    tab.keyboard.press("Enter")
    expect(tab.locator("#preview")).not_to_be_empty(timeout=SECONDS)
    tab.get_by_role("button", name="File the issue").press("Enter")
    tab.wait_for_url("**/issues/1")
    assert place.api("GET", "/issues/1").json()["title"] == "Filed by keyboard"


def test_a_pull_request_is_read_and_asked_about(lived_in, tab) -> None:
    sign_in(tab, lived_in, lived_in.owner)
    tab.goto(f"{lived_in.forge.url}/{lived_in.name}/pull/2")
    assert (
        tab.get_by_role("link", name="Evidence of factory/seal").get_attribute("href")
        == f"{lived_in.forge.url}/-/health"
    )
    assert (
        "Is it high?"
        in tab.locator("tr.added", has_text="high tide")
        .locator("xpath=following-sibling::tr[1]")
        .inner_text()
    )
    folded = tab.locator("details.change", has_text="big.txt")
    assert folded.get_attribute("open") is None
    folded.locator("summary").click()
    expect(folded.locator("tr.added")).to_have_count(500, timeout=SECONDS)
    tab.get_by_role("link", name="Split").click()
    tab.wait_for_url("**view=split**")
    assert tab.locator("table.split td.added", has_text="high tide").count() == 1
    tab.get_by_text("Commands for the factory").click()
    expect(tab.get_by_role("rowheader", name="/factory why")).to_be_visible(timeout=SECONDS)
    tab.get_by_label("Comment").fill("/factory why")
    tab.get_by_role("button", name="Comment", exact=True).click()
    tab.locator("article", has_text="/factory why").wait_for()
    assert lived_in.api("GET", "/issues/2/comments").json()[-1]["body"] == "/factory why"
    assert tab.complaints == []


@pytest.mark.parametrize(
    "width",
    [
        320,
        *(
            pytest.param(width, marks=pytest.mark.soak("what fits the narrowest window fits it"))
            for width in (390, 768, 1280, 1440)
        ),
    ],
)
def test_no_page_is_wider_than_its_window_and_no_target_too_small(
    lived_in, open_tab, width
) -> None:
    tab = open_tab(width)
    sign_in(tab, lived_in, lived_in.owner)
    for path in PAGES:
        tab.goto(f"{lived_in.forge.url}/{lived_in.name}{path}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
        assert tab.evaluate(SMALL) == [], path
    assert tab.complaints == []


@pytest.mark.parametrize(
    ("width", "scheme", "asked"),
    [
        (390, "dark", {}),
        pytest.param(
            1280,
            "light",
            {},
            marks=pytest.mark.soak(
                "the same pages on a large screen; test_colours compares the colours of both schemes"
            ),
        ),
        *(
            pytest.param(
                width, scheme, {}, marks=pytest.mark.soak("the same pages in another window")
            )
            for width, scheme in ((390, "light"), (768, "light"), (768, "dark"), (1280, "dark"))
        ),
    ],
)
def test_nothing_keeps_people_out(lived_in, open_tab, width, scheme, asked) -> None:
    tab = open_tab(width, scheme=scheme, reduced_motion="reduce")
    sign_in(tab, lived_in, lived_in.owner)
    found = {}
    for address in (
        *(f"/{lived_in.name}{path}" for path in PAGES),
        "/",
        "/sign-in",
        f"/{lived_in.owner.login}",
        "/nobody-here",
    ):
        tab.goto(f"{lived_in.forge.url}{address}")
        # More of the same.
        tab.evaluate(
            "document.querySelectorAll('details.change:not([open])').forEach((one) => one.remove())"
        )
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        tab.evaluate(AXE)
        result = tab.evaluate(
            "(asked) => axe.run(document, {...asked, resultTypes: ['violations']})", asked
        )["violations"]
        found |= {
            f"{address} {one['id']}": [node["html"][:160] for node in one["nodes"][:3]]
            for one in result
        }
        assert tab.evaluate("document.getAnimations().length") == 0
    assert found == {}


def test_the_details_of_a_check_have_room(lived_in, open_tab) -> None:
    """The table of rules was clipped to the 280 pixels of a column at the side."""
    tab = open_tab(1280)
    tab.goto(f"{lived_in.forge.url}/{lived_in.name}/pull/2")
    tab.locator(".checks summary").first.click()
    table = tab.locator(".checks .across").first
    expect(table).to_contain_text("at most 300", timeout=SECONDS)
    assert table.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1280


def test_everything_is_reached_by_tab_and_shows_that_it_has_the_focus(lived_in, open_tab) -> None:
    tab = open_tab(1280)
    sign_in(tab, lived_in, lived_in.owner)
    for path in ("/issues", "/issues/1", "/pull/2?view=split"):
        tab.goto(f"{lived_in.forge.url}/{lived_in.name}{path}")
        count = tab.evaluate(TELLS_FOCUS)
        for _ in range(count + 10):
            tab.keyboard.press("Tab")
        reached = tab.evaluate("reached")
        assert [html for _, outline, html in reached if outline == "none"] == [], path
        assert set(range(count)) <= {place for place, *_ in reached}, path
