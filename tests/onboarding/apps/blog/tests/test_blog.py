import pytest
from blog import create_app, db


@pytest.fixture
def client(tmp_path):
    app = create_app(str(tmp_path))
    with app.app_context():
        db.init_db()
    return app.test_client()


def test_a_post_is_listed(client) -> None:
    client.post("/posts", data={"title": "First", "body": "Words"})
    assert b"First" in client.get("/").data


def test_a_post_needs_a_title(client) -> None:
    assert client.post("/posts", data={"title": " ", "body": "Words"}).status_code == 422
