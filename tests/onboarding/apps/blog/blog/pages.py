from flask import Blueprint, abort, redirect, render_template, request, url_for

from blog.db import get_db

bp = Blueprint("pages", __name__)


@bp.route("/")
def index():
    return render_template(
        "index.html", posts=get_db().execute("SELECT * FROM post ORDER BY id DESC").fetchall()
    )


@bp.route("/posts/<int:post_id>")
def post(post_id):
    found = get_db().execute("SELECT * FROM post WHERE id = ?", (post_id,)).fetchone()
    return render_template("post.html", post=found) if found else abort(404)


@bp.route("/posts", methods=("GET", "POST"))
def write():
    if request.method == "GET":
        return render_template("write.html", problem=None)
    if not request.form["title"].strip():
        return render_template("write.html", problem="A post needs a title."), 422
    db = get_db()
    db.execute(
        "INSERT INTO post (title, body) VALUES (?, ?)",
        (request.form["title"], request.form["body"]),
    )
    db.commit()
    return redirect(url_for("pages.index"), code=303)
