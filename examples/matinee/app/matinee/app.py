"""The pages. Each is plain HTML that works without a script."""

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from matinee import cache, store

LONGEST = 200


def create_app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=wishes)
    app.add_url_rule("/films", view_func=suggest, methods=["POST"])
    app.add_url_rule("/films/<int:number>", view_func=show)
    app.add_url_rule("/films/<int:number>/voices", view_func=add_voice, methods=["POST"])
    app.add_url_rule("/films/<int:number>/withdraw", view_func=withdraw, methods=["POST"])
    app.add_url_rule("/healthz", view_func=lambda: ("ok", 200), endpoint="healthz")
    app.register_error_handler(404, lambda error: (render_template("missing.html"), 404))
    return app


def wishes() -> str:
    return render_template("wishes.html", films=_films(), problem=None, given="")


def suggest() -> Response | tuple[str, int]:
    title = request.form.get("title", "").strip()
    if not title or len(title) > LONGEST:
        problem = f"A film needs a title of at most {LONGEST} letters."
        return render_template("wishes.html", films=_films(), problem=problem, given=title), 422
    with store.connect() as db:
        store.suggest(db, title)
    cache.forget(cache.connect())
    return redirect(url_for("wishes"), code=303)


def show(number: int) -> str:
    return render_template("film.html", film=_film(number))


def add_voice(number: int) -> Response:
    _film(number)
    with store.connect() as db:
        store.add_voice(db, number)
    cache.forget(cache.connect())
    return redirect(url_for("show", number=number), code=303)


def withdraw(number: int) -> Response:
    _film(number)
    with store.connect() as db:
        store.withdraw(db, number)
    return redirect(url_for("wishes"), code=303)


def _films() -> list[store.Film]:
    def read() -> list[store.Film]:
        with store.connect() as db:
            return store.films(db)

    return cache.films(cache.connect(), read)


def _film(number: int) -> store.Film:
    with store.connect() as db:
        return store.film(db, number) or abort(404)
