import re


def wish_list(client):
    return re.findall(r">([^<]+)</a></td><td>(\d+)<", client.get("/").text)


def suggest(client, title):
    return client.post("/films", data={"title": title})


def page_of(client, title):
    return re.search(rf'href="(/films/\d+)">{re.escape(title)}<', client.get("/").text)[1]


def test_a_suggested_film_is_on_the_list(client):
    assert suggest(client, " The General ").status_code == 303
    assert wish_list(client) == [("The General", "1")]


def test_the_film_with_the_most_voices_stands_first(client):
    suggest(client, "Night Mail")
    suggest(client, "The General")
    assert wish_list(client)[0] == ("Night Mail", "1")
    client.post(page_of(client, "The General") + "/voices")
    assert wish_list(client) == [("The General", "2"), ("Night Mail", "1")]


def test_a_film_that_is_suggested_again_gets_a_voice(client):
    suggest(client, "Night Mail")
    suggest(client, "Night Mail")
    assert wish_list(client) == [("Night Mail", "2")]


def test_a_film_without_a_title_is_not_taken(client):
    answer = suggest(client, "  ")
    assert answer.status_code == 422
    assert "needs a title" in answer.text
    assert wish_list(client) == []


def test_a_film_has_a_page_that_tells_its_voices(client):
    suggest(client, "Night Mail")
    assert "1 would come" in client.get(page_of(client, "Night Mail")).text


def test_markup_in_a_title_is_shown_as_it_was_typed(client):
    suggest(client, "<b>Loud</b>")
    assert "&lt;b&gt;Loud" in client.get("/").text


def test_a_withdrawn_film_has_no_page(client):
    suggest(client, "Night Mail")
    page = page_of(client, "Night Mail")
    assert client.post(f"{page}/withdraw").status_code == 303
    assert client.get(page).status_code == 404
