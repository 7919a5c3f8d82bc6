"""A blog: the application and its pages."""

import os

from flask import Flask

from blog import db, pages


def create_app(data=None):
    app = Flask(__name__, instance_relative_config=True)
    app.config["DATA"] = data or os.environ.get("BLOG_DATA", app.instance_path)
    os.makedirs(app.config["DATA"], exist_ok=True)
    db.init_app(app)
    app.register_blueprint(pages.bp)
    return app
