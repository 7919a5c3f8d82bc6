"""The pages. Each is plain HTML that works without a script."""

import os
import sqlite3
from collections.abc import Mapping

from flask import Flask, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from tidebook import store

LARGEST_GROUP = 12


def create_app(data: str | None = None) -> Flask:
    """The app over the store in `data`, or in $TIDEBOOK_DATA, or in ./data."""
    app = Flask(__name__)
    app.config["DATA"] = data or os.environ.get("TIDEBOOK_DATA", "data")
    app.teardown_appcontext(close)
    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/walks/<int:walk_id>", view_func=show_walk)
    app.add_url_rule("/walks/<int:walk_id>/bookings", view_func=make_booking, methods=["POST"])
    app.add_url_rule("/walks/<int:walk_id>/guests", view_func=guests)
    app.add_url_rule("/bookings/<code>", view_func=show_booking)
    app.add_url_rule("/bookings/<code>/cancel", view_func=cancel_booking, methods=["POST"])
    app.add_url_rule("/health", view_func=lambda: ("ok", 200), endpoint="health")
    app.register_error_handler(404, lambda error: (render_template("missing.html"), 404))
    return app


def db() -> sqlite3.Connection:
    from flask import current_app

    if "db" not in g:
        g.db = store.connect(current_app.config["DATA"])
    return g.db


def close(error: BaseException | None = None) -> None:
    if "db" in g:
        g.pop("db").close()


def home() -> str:
    return render_template("home.html", walks=store.walks(db()))


def show_walk(walk_id: int) -> str:
    return render_template("walk.html", walk=_walk(walk_id), problem=None, given={})


def make_booking(walk_id: int) -> Response | tuple[str, int]:
    walk, problem = _walk(walk_id), _problem(request.form)
    if problem is None:
        try:
            code = store.book(db(), walk_id, request.form["name"].strip(), request.form["email"].strip(),
                              int(request.form["group_size"]))
            return redirect(url_for("show_booking", code=code), code=303)
        except store.FullyBooked:
            problem = f"Only {walk.places_left} places are left on this walk."
    return render_template("walk.html", walk=walk, problem=problem, given=request.form), 422


def show_booking(code: str) -> str:
    booking = store.booking(db(), code) or abort(404)
    return render_template("booking.html", booking=booking, walk=_walk(booking.walk_id))


def cancel_booking(code: str) -> Response:
    if store.booking(db(), code) is None:
        abort(404)
    store.cancel(db(), code)
    return redirect(url_for("show_booking", code=code), code=303)


def guests(walk_id: int) -> str:
    return render_template("guests.html", walk=_walk(walk_id), bookings=store.bookings(db(), walk_id))


def _walk(walk_id: int) -> store.Walk:
    return store.walk(db(), walk_id) or abort(404)


def _problem(form: Mapping[str, str]) -> str | None:
    """What is wrong with a booking form, in words for the person who filled it in."""
    if not form.get("name", "").strip():
        return "Please tell us your name."
    if "@" not in form.get("email", ""):
        return "Please give an email address, so that the guide can reach you."
    size = form.get("group_size", "")
    if not size.isdecimal() or not 1 <= int(size) <= LARGEST_GROUP:
        return f"A group is 1 to {LARGEST_GROUP} people."
    return None
