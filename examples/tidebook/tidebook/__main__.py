"""`python -m tidebook`: serve on 127.0.0.1 at $PORT (8080 where it is not set)."""

import os

from waitress import serve

from tidebook.app import create_app

serve(create_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), threads=4, ident=None)
