"""Sandboxes of every form that this account can make."""

from collections.abc import Iterator

import pytest

from tests.sandbox.sandboxes import EACH, FORMS, Sandboxes, sandboxes_of


@pytest.fixture(params=EACH)
def sandboxes(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    """Sandboxes of each sealed form that this account can make."""
    yield from sandboxes_of(request.param)


@pytest.fixture(params=[form for form in FORMS if not form.startswith("landlock")])
def views(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    """Sandboxes of each form that has namespaces, and so a view of its own."""
    yield from sandboxes_of(request.param)


@pytest.fixture(params=["unsealed", *(form for form in FORMS if form.startswith("landlock"))])
def shared(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    """Sandboxes of each form without namespaces, which share the machine's accounts."""
    yield from sandboxes_of(request.param)


@pytest.fixture
def unsealed() -> Iterator[Sandboxes]:
    yield from sandboxes_of("unsealed")


@pytest.fixture
def sandbox() -> Iterator[Sandboxes]:
    """Sandboxes of the best form alone, for what does not depend on the form."""
    yield from sandboxes_of(FORMS[0])
