import pytest

from tidebook import store
from tidebook.app import create_app


@pytest.fixture
def data(tmp_path):
    return str(tmp_path)


@pytest.fixture
def walk_id(data):
    return store.add_walk(store.connect(data), "Mussel banks", "Ada", "2030-05-04 07:10", "Harbour steps", 12)


@pytest.fixture
def client(data):
    return create_app(data).test_client()
