"""The forge's pages as a person without a browser asks for them, and everything that
a browser would see in one."""

from html.parser import HTMLParser


def post(place, path, form, *, origin=None, cookies=None):
    headers = {} if origin == "" else {"Origin": origin or place.forge.url}
    return place.client.post(
        f"/{place.name}{path}", data=form, headers=headers, cookies=cookies, follow_redirects=False
    )


def page(place, path=""):
    return place.client.get(f"/{place.name}{path}")


def sign_in(place, account):
    answer = place.client.post(
        "/sign-in",
        data={"token": account.token, "back": f"/{place.name}"},
        headers={"Origin": place.forge.url},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/{place.name}")
    return answer


VOID = {"hr", "br", "img", "input", "meta", "link", "col"}


class Reader(HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self, page) -> None:
        super().__init__()
        self.tags, self.attributes, self.links, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


FORM = """
name: A bug
description: Tell it.
title: "[Bug] "
labels: [kind:bug, 2]
body:
- {type: markdown, attributes: {value: "Thank **you**."}}
- {type: input, id: version, attributes: {label: Version, placeholder: 1.2}, validations: {required: true}}
- {type: textarea, attributes: {label: "What\\n happened?", value: It broke}}
- {type: textarea, id: log, attributes: {label: Log, render: shell}}
- {type: dropdown, id: where, attributes: {label: Where, options: [Phone, Desk], default: 1}}
- {type: dropdown, id: with, attributes: {label: With, options: [Firefox, Chromium, Safari], multiple: true}}
- {type: checkboxes, id: terms, attributes: {label: Before, options: [{label: Looked, required: true}, {label: Can help}]}}
"""
