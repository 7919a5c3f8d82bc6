import pytest

from matinee import cache, create_app, store


@pytest.fixture
def client():
    with store.connect() as db:
        store.empty(db)
    cache.forget(cache.connect())
    return create_app().test_client()
