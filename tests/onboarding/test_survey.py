"""What is found in a repository, and where it is said to be found."""

import os

import pytest

from harness.onboarding import drafts_of, gaps_of, survey_of
from harness.onboarding.evidence.daemons import foreground
from harness.onboarding.evidence.package_managers import is_locked
from harness.onboarding.evidence.starts.command_lines import as_argv
from harness.onboarding.survey import Product

FLASK = "from flask import Flask\n\n\napp = Flask(__name__)\n"
HASH = "--hash=sha256:" + "a" * 64


def started(folder, files):
    return survey_of(folder(files)).start


def test_tidebook_is_read_as_its_own_factory_toml_has_it(app) -> None:
    survey = survey_of(app("tidebook"))
    assert survey.product is Product.SITE
    assert survey.start.argv == ("python", "-m", "tidebook")
    assert (survey.start.port_env, survey.ready) == ("PORT", "/health")
    assert (survey.data.env, survey.data.seed) == (
        "TIDEBOOK_DATA",
        ("python", "-m", "tidebook.seed"),
    )
    assert (survey.lock.path, survey.tests_lock.path) == (
        "requirements.txt",
        "requirements-dev.txt",
    )
    assert survey.suite.paths == ("tests/**",)
    assert {route.path for route in survey.routes} >= {
        "/",
        "/walks/<int:walk_id>/bookings",
        "/health",
    }
    assert gaps_of(survey) == ()


def test_the_blog_is_started_by_flask_and_needs_a_lock(app) -> None:
    survey = survey_of(app("blog"))
    assert survey.start.argv == ("python", "-m", "flask", "--app", "blog", "run")
    assert survey.start.port_env == "FLASK_RUN_PORT"
    assert str(survey.start.because) == "blog/__init__.py:10 has a function that makes a Flask app"
    assert survey.data.env == "BLOG_DATA"
    assert survey.data.seed == ("python", "-m", "flask", "--app", "blog", "init-db")
    gaps = "\n".join(gaps_of(survey))
    assert "`uv pip compile --generate-hashes requirements.txt -o requirements.lock`" in gaps
    assert (
        "`uv pip compile --generate-hashes requirements.txt requirements-dev.txt -o"
        " requirements-dev.lock`" in gaps
    )


def test_a_database_beside_the_code_is_named(app) -> None:
    folder = app("blog")
    module = folder / "blog" / "__init__.py"
    module.write_text(
        module.read_text().replace(
            'os.environ.get("BLOG_DATA", app.instance_path)', "app.instance_path"
        )
    )
    survey = survey_of(folder)
    assert survey.data.env == ""
    assert "no variable for the data: blog/__init__.py:12" in "\n".join(gaps_of(survey))


def test_the_ferry_is_started_by_node_and_tested_by_node(app) -> None:
    survey = survey_of(app("express"))
    assert survey.start.argv == ("node", "server.js")
    assert survey.ready == "/healthz"
    assert {(route.path, route.methods) for route in survey.routes} == {
        ("/", ("GET",)),
        ("/healthz", ("GET",)),
        ("/reports", ("POST",)),
    }
    assert "--test-reporter=junit" in survey.suite.command
    assert survey.lock.make == "npm install --package-lock-only --lockfile-version 3"
    assert any(gap.startswith("no hash-locked package-lock.json") for gap in gaps_of(survey))


@pytest.mark.parametrize(
    ("files", "path", "make"),
    [
        ({"package-lock.json": '{"lockfileVersion": 3}'}, "package-lock.json", False),
        ({"npm-shrinkwrap.json": '{"lockfileVersion": 2}'}, "npm-shrinkwrap.json", False),
        ({"package-lock.json": '{"lockfileVersion": 1}'}, "package-lock.json", True),
        ({"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "pnpm-lock.yaml", False),
        ({"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, "pnpm-lock.yaml", True),
        ({"yarn.lock": "# yarn lockfile v1\n"}, "yarn.lock", False),
        ({"yarn.lock": "__metadata:\n"}, "package-lock.json", True),
        ({}, "package-lock.json", True),
    ],
)
def test_the_lock_of_npm_pnpm_or_yarn_is_drafted_for_the_app_and_its_tests(
    folder, files, path, make
) -> None:
    package = {"package.json": '{"dependencies": {"express": "^5"}}', "server.js": ""}
    survey = survey_of(folder({**package, **files}))
    assert (survey.lock.path, bool(survey.lock.make)) == (path, make)
    assert survey.tests_lock is None
    drafts = {draft.path: draft for draft in drafts_of(survey)}
    assert f'lock = "{path}"' in drafts["factory.toml"].text


UV_DEV = "[project]\nname='a'\n[dependency-groups]\ndev=['pytest>=8']"
POETRY = "[tool.poetry.group.test.dependencies]\npytest = '*'"


@pytest.mark.parametrize(
    ("lock", "pyproject", "has_tests"),
    [
        ("uv.lock", UV_DEV, True),
        ("uv.lock", "[tool.uv]\ndev-dependencies=['pytest']", True),
        ("uv.lock", UV_DEV.replace("dev=", "test="), False),
        ("poetry.lock", POETRY, True),
        ("poetry.lock", "", False),
    ],
)
def test_the_lock_of_uv_and_poetry_is_drafted_and_the_tests_have_it_if_it_has_their_runner(
    folder, lock, pyproject, has_tests
) -> None:
    files = {lock: "", "pyproject.toml": pyproject, "test_a.py": "def test_a(): pass"}
    survey = survey_of(folder(files))
    assert (survey.lock.path, survey.lock.make) == (lock, "")
    assert (survey.tests_lock is None) == has_tests


def test_a_lock_for_the_pages_of_a_python_project_is_not_the_apps(folder) -> None:
    survey = survey_of(folder({"yarn.lock": "", "package.json": "{}", "requirements.txt": "flask"}))
    assert survey.lock.path == "requirements.lock"


def test_a_package_json_that_names_no_package_needs_no_lock(folder) -> None:
    assert survey_of(folder({"package.json": "{}", "server.js": ""})).lock is None


def test_a_library_has_tests_and_no_start_command(app) -> None:
    survey = survey_of(app("library"))
    assert (survey.product, survey.start) == (Product.LIBRARY, None)
    assert survey.suite.command[-2:] == ("-o", "pythonpath=src")
    gaps = gaps_of(survey)
    assert [(one.name, one.line) for one in survey.commands] == [("python", "python")]
    assert not any("no change merges by itself" in gap for gap in gaps)
    assert any(
        "uv pip compile --generate-hashes pyproject.toml --group dev -o requirements-dev.lock"
        in gap
        for gap in gaps
    )


def test_a_handbook_is_documents(app) -> None:
    survey = survey_of(app("handbook"))
    assert (survey.product, survey.suite) == (Product.DOCUMENTS, None)
    assert survey.summary.startswith("How the harbour works")
    assert survey.places == ("/README.md", "chapters/**")


@pytest.mark.parametrize(
    ("files", "argv", "port"),
    [
        ({"app.py": FLASK}, "python -m flask --app app run", "FLASK_RUN_PORT"),
        (
            {"web.py": FLASK.replace("app =", "site =")},
            "python -m flask --app web:site run",
            "FLASK_RUN_PORT",
        ),
        ({"src/shop/__init__.py": FLASK}, "python -m flask --app src/shop run", "FLASK_RUN_PORT"),
        (
            {"main.py": "from fastapi import FastAPI\napi = FastAPI()\n"},
            "python -m uvicorn main:api",
            "UVICORN_PORT",
        ),
        (
            {
                "src/x/app.py": (
                    "from starlette.applications import Starlette\n\ndef make():\n    return"
                    " Starlette()\n"
                )
            },
            "python -m uvicorn --app-dir src --factory x.app:make",
            "UVICORN_PORT",
        ),
        (
            {"Procfile": "release: x\nweb: gunicorn --bind 0.0.0.0:$PORT -w 2 app:app\n"},
            "python -m gunicorn -w 2 app:app",
            "PORT",
        ),
        (
            {"Procfile": "web: uvicorn main:app --host 0.0.0.0 --port $PORT\n"},
            "python -m uvicorn main:app --host 0.0.0.0",
            "UVICORN_PORT",
        ),
        (
            {"Procfile": "web: waitress-serve --listen=*:$WEB_PORT app:app\n"},
            "sh -c exec python -m waitress --listen=*:$WEB_PORT app:app",
            "WEB_PORT",
        ),
        ({"Procfile": "web: gunicorn --daemon app:app\n"}, "python -m gunicorn app:app", "PORT"),
        (
            {
                "run.py": (
                    f"import os\n{FLASK}\nif __name__ == '__main__':\n   "
                    " app.run(port=int(os.environ['HTTP_PORT']))\n"
                )
            },
            "python run.py",
            "HTTP_PORT",
        ),
        ({"x/__main__.py": "import uvicorn\nuvicorn.run('x:app')\n"}, "python -m x", "PORT"),
        (
            {"src/x/__main__.py": "from waitress import serve\nserve(app)\n"},
            "sh -c PYTHONPATH=src:$PYTHONPATH exec python -m x",
            "PORT",
        ),
        (
            {
                "manage.py": (
                    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\nimport"
                    " django\n"
                )
            },
            "sh -c exec python manage.py runserver --noreload 127.0.0.1:$PORT",
            "PORT",
        ),
        (
            {"package.json": '{"scripts": {"start": "pm2 start web.js -i 2"}}'},
            "node web.js",
            "PORT",
        ),
        (
            {"index.js": "require('http').createServer(f).listen(process.env.PORT)\n"},
            "node index.js",
            "PORT",
        ),
        (
            {"Dockerfile": 'FROM python\nCMD ["gunicorn", "shop:app"]\n'},
            "python -m gunicorn shop:app",
            "PORT",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_starts_an_app(folder, files, argv, port) -> None:
    found = started(folder, files)
    assert (" ".join(found.argv), found.port_env) == (argv, port)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"app.py": "print('no app')\n"},
        {"tests/app.py": FLASK},
        {"docs/conf.py": FLASK},
        {"app.py": "app = Flask(\n"},
        {
            "make.py": (
                "import subprocess\nsubprocess.run(['x'])\nif __name__ == '__main__':\n   "
                " subprocess.run(['y'])\n"
            )
        },
        {"app.py": "def create_app(settings):\n    return Flask(settings)\n"},
        {"Procfile": "web: ./start && tail -f log\n"},
        {"Procfile": "worker: celery worker\n"},
    ],
    ids=repr,
)
def test_what_starts_nothing(folder, files) -> None:
    assert started(folder, files) is None


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("gunicorn --daemon app:app", "gunicorn app:app"),
        ("gunicorn app:app -D", "gunicorn app:app"),
        ("docker compose up -d", ""),
        ("docker-compose up --detach web", ""),
        ("systemctl start shop", ""),
        ("supervisord -c x", ""),
        ("nohup python app.py > log 2>&1 &", "python app.py"),
        ("pm2 start server.js --name web", "node server.js"),
        ("uwsgi --http :8000 --daemonize=log", "uwsgi --http :8000"),
        ("flask run &", "flask run"),
        ("python app.py", None),
        ("docker compose up", None),
        ("gunicorn app:app", None),
        ("a && python b.py", None),
        ("supervisor d", None),
        ("Bread & butter", None),
    ],
)
def test_a_command_that_leaves_is_known_by_its_words(command, instead) -> None:
    assert foreground(command) == instead


def test_a_start_command_that_daemonises_is_named_and_refused(folder) -> None:
    survey = survey_of(folder({"Procfile": "web: gunicorn -D app:app\n"}))
    (gap,) = [gap for gap in gaps_of(survey) if "daemonises" in gap]
    assert "(Procfile:1)" in gap
    assert "use its foreground form `gunicorn app:app`" in gap
    config = next(draft.text for draft in drafts_of(survey) if draft.path == "factory.toml")
    assert "-D" not in config


@pytest.mark.parametrize(("files", "is_named"), [({}, True), ({"app.py": FLASK}, False)])
def test_a_container_that_a_readme_starts_is_named_where_nothing_else_starts_the_app(
    folder, files, is_named
) -> None:
    survey = survey_of(folder({"README.md": "# x\n\n    docker compose up -d\n", **files}))
    gaps = [gap for gap in gaps_of(survey) if "daemonises" in gap]
    assert bool(gaps) == is_named
    assert all("(README.md:3)" in gap and "a command that stays" in gap for gap in gaps)


def test_a_line_that_only_a_shell_understands_is_no_start_command() -> None:
    for line in ("a | b", "a && b", "X=1 a", "a > b", "'unclosed", ""):
        assert as_argv(line) is None


@pytest.mark.parametrize(
    ("text", "locked"),
    [
        (f"flask==3.0 \\\n    {HASH}\n", True),
        (f"# a\nflask==3.0 {HASH}\nx==1 {HASH}\n", True),
        ("flask==3.0\n", False),
        ("flask\n", False),
        ("", False),
        (f"-r other.txt\nflask==3.0 {HASH}\n", False),
        (f"flask>=3 {HASH}\n", False),
    ],
)
def test_a_lock_has_a_hash_for_every_package(text, locked) -> None:
    assert is_locked(text) is locked


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {
                "uv.lock": "",
                "pyproject.toml": "[project]\nname='a'\n[dependency-groups]\ntest=['pytest']",
                "test_a.py": "def test_a(): pass",
            },
            "uv export --format requirements-txt",
        ),
        (
            {"poetry.lock": "# This file is automatically @generated by Poetry 1.8.2 and"},
            "run `poetry lock`, and commit what it writes",
        ),
        ({"Pipfile": ""}, "pipenv requirements --hash > requirements.lock"),
        (
            {"pyproject.toml": "[project]\nname='a'\ndependencies=['flask']"},
            "uv pip compile --generate-hashes pyproject.toml -o",
        ),
    ],
)
def test_the_command_for_a_lock_is_the_package_managers_own(folder, files, words) -> None:
    assert any(words in gap for gap in gaps_of(survey_of(folder(files))))


def test_pytest_that_nothing_names_is_a_gap(folder) -> None:
    gaps = gaps_of(
        survey_of(folder({"requirements.txt": "flask\n", "test_a.py": "def test_a(): pass\n"}))
    )
    assert any(gap.startswith("no pytest in any manifest") for gap in gaps)


def test_only_what_the_product_is_made_of_is_open_to_the_factory(folder) -> None:
    files = dict.fromkeys(
        (
            "shop/a.py",
            "app.py",
            "setup.py",
            "conftest.py",
            "deploy/x.py",
            "workflows/t.py",
            ".ci/x.py",
            "scripts/x.sh",
            "docs/a.md",
            "tests/test_a.py",
            "CLAUDE.md",
            "vendor/b.py",
        ),
        "x",
    )
    assert survey_of(folder(files)).places == ("/app.py", "docs/**", "shop/**", "tests/**")


def test_nothing_outside_is_read_and_every_odd_thing_is_named(folder, tmp_path) -> None:
    place = folder(
        {"a.py": "x = 1\n", b"b\xff.py".decode("utf-8", "surrogateescape"): "", "c\nd.py": ""}
    )
    secret = tmp_path / "README.md"
    secret.write_text("# Outside\n\nSomething that nobody may read here.\n")
    (place / "README.md").symlink_to(secret)
    (place / "inner").symlink_to("a.py")
    (place / "up").symlink_to("..")
    os.mkfifo(place / "Procfile")
    survey = survey_of(place)
    assert survey.links_out == ("README.md", "up")
    assert survey.unreadable == ("Procfile",)
    assert len(survey.odd_names) == 2
    assert survey.summary == ""
    gaps = "\n".join(gaps_of(survey))
    assert "links that lead out: README.md, up" in gaps
    assert "tracked files that cannot be read: Procfile" in gaps
    assert "names that are not plain UTF-8" in gaps


def test_what_git_tracks_is_what_counts(folder) -> None:
    place = folder({"app.py": FLASK, "scratch.py": FLASK, "real/file.py": ""})
    tracked = {b"app.py": "100644", b"lib": "160000", b"gone.py": "100644", b"link": "120000"}
    (place / "link").symlink_to("/etc/hostname")
    survey = survey_of(place, tracked=tracked)
    assert (survey.files, survey.submodules, survey.unreadable, survey.links_out) == (
        1,
        ("lib",),
        ("gone.py",),
        ("link",),
    )


def test_a_folder_that_became_a_link_is_not_entered(folder, tmp_path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "index.md").write_text(
        "# Out\n\nSomething outside of the repository.\n"
    )
    place = folder({"a.py": ""})
    (place / "docs").symlink_to(tmp_path / "outside")
    survey = survey_of(place, tracked={b"docs/index.md": "100644", b"a.py": "100644"})
    assert (survey.readme, survey.summary) == ("docs/index.md", "")


def test_pointers_to_large_files_are_named(folder) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 5\n"
    files = {
        ".gitattributes": "*.bin filter=lfs diff=lfs\n",
        "a.bin": pointer,
        "b.bin": "real",
        "c.bin": pointer + "x" * 1024,
    }
    assert survey_of(folder(files)).lfs == ("a.bin",)
    assert survey_of(folder({".gitattributes": "*.bin binary\n"})).lfs == ()


def test_an_unreadable_manifest_is_no_manifest(folder) -> None:
    survey = survey_of(
        folder(
            {
                "package.json": "{",
                "pyproject.toml": "[",
                "app.py": "def",
                "README.md": b"\xff\xfe\x00",
                "Procfile": b"web: \xff",
            }
        )
    )
    assert (survey.dependencies, survey.start) == ((), None)


def test_a_file_without_end_is_read_to_a_bound(folder) -> None:
    place = folder({"README.md": "# x\n\n" + "word " * 200_000})
    assert len(survey_of(place).summary) < 500
