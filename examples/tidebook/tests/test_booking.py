"""What a guest can do."""


def book(client, walk_id, **given):
    form = {"name": "Kim", "email": "kim@example.org", "group_size": "3"} | given
    return client.post(f"/walks/{walk_id}/bookings", data=form, follow_redirects=True)


def test_a_booking_is_confirmed_with_the_group_size(client, walk_id):
    page = book(client, walk_id)
    assert page.status_code == 200
    assert b"Booked for 3" in page.data


def test_a_booking_takes_places(client, walk_id):
    book(client, walk_id)
    assert b"9 of 12 places left" in client.get("/").data


def test_nobody_books_past_the_capacity(client, walk_id):
    book(client, walk_id, group_size="10")
    page = book(client, walk_id, group_size="3")
    assert page.status_code == 422
    assert b"Only 2 places are left" in page.data


def test_a_group_of_nobody_is_refused(client, walk_id):
    page = book(client, walk_id, group_size="0")
    assert page.status_code == 422
    assert b"A group is 1 to 12 people" in page.data


def test_a_name_is_needed(client, walk_id):
    assert b"Please tell us your name" in book(client, walk_id, name="  ").data


def test_a_name_is_shown_as_text(client, walk_id):
    page = book(client, walk_id, name="<b>Kim</b>")
    assert b"<b>Kim</b>" not in page.data
    assert b"&lt;b&gt;Kim&lt;/b&gt;" in page.data


def test_a_cancelled_booking_says_so(client, walk_id):
    where = book(client, walk_id).request.path
    page = client.post(f"{where}/cancel", follow_redirects=True)
    assert b"This booking is cancelled" in page.data


def test_the_guest_list_names_the_guests(client, walk_id):
    book(client, walk_id, name="Robin")
    assert b"Robin" in client.get(f"/walks/{walk_id}/guests").data


def test_an_unknown_booking_is_not_found(client):
    assert client.get("/bookings/nope").status_code == 404
