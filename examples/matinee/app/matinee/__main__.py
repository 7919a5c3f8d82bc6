"""`python -m matinee`: serve the pages on 127.0.0.1, at $PORT."""

import os

from waitress import serve

from matinee import create_app

if __name__ == "__main__":
    serve(create_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), threads=4)
