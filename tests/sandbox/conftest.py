"""Boxes of every form that this account can make."""

from collections.abc import Iterator

import pytest

from tests.sandbox.sandboxes import EACH, FORMS, Sandboxes, boxes_of


@pytest.fixture(params=EACH)
def sandboxes(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    """Boxes of each sealed form that this account can make."""
    yield from boxes_of(request.param)


@pytest.fixture(params=[form for form in FORMS if not form.startswith("landlock")])
def views(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    """Boxes of each form that has namespaces, and so a view of its own."""
    yield from boxes_of(request.param)


@pytest.fixture
def unsealed() -> Iterator[Sandboxes]:
    yield from boxes_of("unsealed")


@pytest.fixture
def box() -> Iterator[Sandboxes]:
    """Boxes of the best form alone, for what does not depend on the form."""
    yield from boxes_of(FORMS[0])
