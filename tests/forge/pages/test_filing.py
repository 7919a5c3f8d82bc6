"""Filing an issue by the repository's own forms, at the wire."""

import re
from itertools import pairwise

import pytest

from tests.forge.pages.reading import FORM, page, post, sign_in

CONFIG = (
    "blank_issues_enabled: {blank}\ncontact_links: [{{name: The guide, about: How it works, url:"
    " 'https://e.example/g'}}]\n"
)
FILLED = {
    "template": "bug.yml",
    "title": "From the form",
    "name": "",
    "answer-version": "1.2",
    "answer-field-2": "It <b>broke",
    "answer-log": "",
    "answer-where": "Desk",
    "answer-with": ["Firefox", "Safari"],
    "answer-terms": "0",
    "act": "file",
}


@pytest.fixture(autouse=True)
def _no_cookies_left(client):
    client.cookies.clear()
    yield
    client.cookies.clear()


@pytest.fixture(scope="module")
def asking(museum):
    """A repository with a form, and with one that cannot be used."""
    put_forms(
        museum,
        {
            "bug.yml": FORM,
            "broken.yml": "name: x\nbody: [{type: input, attributes: {}}]\n",
            "config.yml": CONFIG.format(blank="false"),
        },
    )
    return museum


def put_forms(place, forms) -> None:
    place.push({f".github/ISSUE_TEMPLATE/{name}": text for name, text in forms.items()})


def titles(place):
    return [issue["title"] for issue in place.api("GET", "/issues").json()]


def test_the_choice_shows_the_forms_and_the_links_and_no_way_around_them(asking) -> None:
    text = page(asking, "/issues/new").text
    assert re.findall(r"template=([\w.]+)", text) == ["bug.yml"]
    assert 'href="https://e.example/g" rel="nofollow noopener noreferrer"' in text
    assert "cannot be used" not in text
    assert page(asking, "/issues/new?template=blank").status_code == 403


def test_who_may_mend_a_form_sees_its_mistakes(asking) -> None:
    sign_in(asking, asking.owner)
    text = page(asking, "/issues/new").text
    assert ".github/ISSUE_TEMPLATE/broken.yml: body[0].attributes.label is missing" in text
    assert "template=blank" in text


def test_a_filled_form_files_githubs_markdown_with_the_forms_labels(asking) -> None:
    asking.api("POST", "/labels", by=asking.owner, json={"name": "kind:bug", "color": "d73a4a"})
    ana = asking.person("ana")
    sign_in(asking, ana)
    before = titles(asking)
    answer = post(asking, "/issues", FILLED | {"title": "From the form, filled"})
    assert answer.status_code == 303
    assert titles(asking) == ["From the form, filled", *before]
    number = int(answer.headers["location"].rpartition("/")[2])
    issue = asking.api("GET", f"/issues/{number}").json()
    assert (
        issue["body"] == "### Version\n\n1.2\n\n### What happened?\n\nIt <b>broke\n\n### Log\n\n_No"
        " response_\n\n### Where\n\nDesk\n\n### With\n\nFirefox, Safari\n\n### Before\n\n- [x]"
        " Looked\n- [ ] Can help"
    )
    # A label that nobody made is not made by a form.
    assert [label["name"] for label in issue["labels"]] == ["kind:bug"]
    assert issue["user"]["id"] == ana.id
    assert "&lt;b&gt;broke" in page(asking, f"/issues/{number}").text


def test_what_was_written_comes_back_with_all_that_is_missing(asking) -> None:
    sign_in(asking, asking.person("ana"))
    before = titles(asking)
    refused = post(
        asking, "/issues", FILLED | {"title": "", "answer-version": "", "answer-terms": "1"}
    )
    assert refused.status_code == 422
    assert titles(asking) == before
    assert refused.text.count('aria-invalid="true"') == 3
    for kept in (
        "It &lt;b&gt;broke</textarea>",
        'value="Safari" checked',
        '<option value="Desk" selected>',
        'value="1" checked',
        'href="#answer-version"',
        'href="#answer-terms"',
        'href="#title"',
    ):
        assert kept in refused.text, kept
    assert "<title>Error: " in refused.text


@pytest.mark.parametrize(
    "form",
    [
        {"template": "blank", "title": "Around the forms", "body": "x"},
        {"title": "Around the forms", "body": "x"},
        {"template": "gone.yml", "title": "x", "body": "kept"},
        {"template": "broken.yml", "title": "x"},
        {"template": "../../app.py", "title": "x"},
    ],
)
def test_a_request_made_by_hand_does_not_get_around_the_forms(asking, form) -> None:
    sign_in(asking, asking.person("ana"))
    before = titles(asking)
    assert post(asking, "/issues", form).status_code == 422
    assert titles(asking) == before


def test_looking_at_a_draft_keeps_nothing(asking) -> None:
    before = titles(asking)
    draft = FILLED | {
        "act": "preview",
        "name": f"Kim {asking.prefix}",
        "answer-field-2": "*so*",
        "title": "",
    }
    shown = post(asking, "/issues", draft)
    assert shown.status_code == 200
    assert "<em>so</em>" in shown.text
    assert 'role="alert"' not in shown.text
    assert titles(asking) == before
    assert asking.ask("GET", f"/api/v3/users/Kim-{asking.prefix}").status_code == 404
    assert "set-cookie" not in shown.headers


def test_a_link_fills_in_a_form_and_sends_nothing(asking) -> None:
    before = titles(asking)
    text = page(
        asking, "/issues/new?template=bug.yml&title=%22%3E%3Cscript%3E&where=Phone&version=3"
    ).text
    assert 'value="&#34;&gt;&lt;script&gt;"' in text
    assert '<option value="Phone" selected>' in text
    assert 'name="answer-version" value="3"' in text
    assert titles(asking) == before


def test_the_only_form_is_shown_at_once(place) -> None:
    put_forms(place, {"bug.yml": FORM, "config.yml": "blank_issues_enabled: false\n"})
    assert 'name="answer-version"' in page(place, "/issues/new").text


def test_where_no_form_can_be_used_an_issue_can_still_be_filed(place) -> None:
    put_forms(place, {"broken.yml": "name: [", "config.yml": "blank_issues_enabled: false\n"})
    assert 'name="body"' in page(place, "/issues/new").text


def test_forms_of_a_branch_that_is_not_the_default_are_not_asked(place) -> None:
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    place.push({".github/ISSUE_TEMPLATE/bug.yml": FORM}, branch="work")
    assert page(place, "/issues/new?template=bug.yml").text.count("answer-") == 0


@pytest.mark.parametrize(
    "bomb",
    [
        "\n".join(
            [
                "a: &a [x]",
                *(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefghij")),
                "body: *j",
            ]
        ),
        "body: " + "[" * 20_000,
        "name: !!python/object/apply:builtins.open ['{opened}', 'w']\n",
        'name: "\\0"\nbody: [1]\n',
        "\xff" * 100,
    ],
)
def test_a_document_made_to_harm_is_left_out(place, tmp_path, bomb) -> None:
    put_forms(
        place, {"bomb.yml": bomb.replace("{opened}", str(tmp_path / "opened")), "bug.yml": FORM}
    )
    assert page(place, "/issues/new?template=bug.yml").status_code == 200
    assert not (tmp_path / "opened").exists()


def test_a_document_that_would_take_the_reader_long_is_not_read(place) -> None:
    put_forms(place, {"bomb.yml": "body: " + "[" * 1_001, "bug.yml": FORM})
    sign_in(place, place.owner)
    assert "bomb.yml: holds more than 1,000 brackets" in page(place, "/issues/new").text
