"""What public projects showed: for each thing that was read wrongly in one of them, the smallest
manifest that shows it."""

import pytest

from harness.onboarding import drafts_of, gaps_of, survey_of
from harness.onboarding.nevers import nevers_of
from harness.onboarding.survey import Product

CLICK_SERVER = """\
import click, uvicorn

@click.group()
def cli(): pass

@cli.command()
@click.option("-p", "--port", default=8001)
def serve(port):
    uvicorn.run(app, port=port)
"""
SETUP = 'setup(name="x", entry_points="""\n    [console_scripts]\n    shore=shore.cli:cli\n""")\n'
GETOPT_SERVER = """\
import os

SUPPORT = os.environ.get("SUPPORT_MAIL")

def main():
    app.run(port=int(os.environ.get("PORT", 5000)))
"""
GO_MAIN = "package main\n\nfunc main() {\n\thttp.ListenAndServe(a, nil)\n}\n"
GO_MOD = "module example.com/x\n\nrequire github.com/a/b v1.2.0\n"
RAILS = {
    "Gemfile": "gem 'rails'\n",
    "bin/rails": "#!/usr/bin/env ruby\nrequire 'rails/commands'\n",
    "app/models/user.rb": "class User\nend\n",
}


def config_of(survey) -> str:
    return next(draft.text for draft in drafts_of(survey) if draft.path == "factory.toml")


@pytest.mark.parametrize(
    ("files", "argv", "port"),
    [
        # Datasette: a server behind a command, named in setup.py alone.
        (
            {"setup.py": SETUP, "shore/cli.py": CLICK_SERVER, "shore/__main__.py": "cli()\n"},
            "sh -c exec python -m shore serve --port $PORT",
            "PORT",
        ),
        # changedetection.io: an app object that only the installed command fills.
        (
            {
                "pyproject.toml": '[project]\nname="x"\n[project.scripts]\nx = "shore:main"\n',
                "shore/__init__.py": GETOPT_SERVER,
                "shore/web.py": "from flask import Flask\napp = Flask(__name__)\n",
            },
            "python -c from shore import main as run; run()",
            "PORT",
        ),
        # mongo-express: the image runs a script of package.json, and another file reads the port.
        (
            {
                "Dockerfile": 'FROM node\nCMD ["/sbin/tini", "--", "yarn", "start"]\n',
                "package.json": '{"scripts": {"start": "NODE_ENV=production yarn node app.js"}}',
                "app.js": "server.listen(config.port)\n",
                "config.js": "port: process.env.DB_PORT || 1,\nport: process.env.PORT || 8081,\n",
            },
            "node app.js",
            "PORT",
        ),
        (
            {
                "Dockerfile": "FROM python\nENV FLASK_APP=shore\nCMD flask run --port 80\n",
                "shore.py": "",
            },
            "python -m flask run",
            "FLASK_RUN_PORT",
        ),
        (RAILS, "ruby bin/rails server -b 127.0.0.1 -P /tmp/server.pid", "PORT"),
        (
            {"public/index.php": "<?php", "src/A.php": "<?php"},
            "sh -c exec php -S 127.0.0.1:$PORT -t public",
            "PORT",
        ),
        (
            {"go.mod": GO_MOD, "a.go": GO_MAIN, "b.go": 'var p = flag.Int("port", 9, "")\n'},
            "sh -c go build -o /tmp/app . && exec /tmp/app -port $PORT",
            "PORT",
        ),
        (
            {"go.mod": GO_MOD, "cmd/x/a.go": f'{GO_MAIN}// os.Getenv("HTTP_PORT")\n'},
            "sh -c go build -o /tmp/app ./cmd/x && exec /tmp/app",
            "HTTP_PORT",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_starts_a_strangers_app(folder, files, argv, port) -> None:
    found = survey_of(folder(files)).start
    assert (" ".join(found.argv), found.port_env) == (argv, port)
    assert found.because.line or found.because.file.endswith(".php")


@pytest.mark.parametrize(
    "files",
    [
        # Another image's program, a script that is not here, a step before the last.
        {"Dockerfile": 'FROM nginx\nCMD ["nginx", "-g", "daemon off;"]\n'},
        {"Dockerfile": 'FROM python\nCMD ["python", "elsewhere.py"]\n'},
        {"Dockerfile": "FROM a AS one\nCMD python a.py\nFROM nginx\n", "a.py": ""},
        {"Dockerfile": "FROM node\nCMD npm run build && node a.js\n", "a.js": ""},
        {"go.mod": GO_MOD, "a.go": GO_MAIN},
        {"package.json": '{"scripts": {"start": "babel-node -- src/cli db.json"}}'},
    ],
    ids=lambda files: " ".join(files.values())[:40],
)
def test_what_nobody_can_start_here_is_not_guessed(folder, files) -> None:
    assert survey_of(folder(files)).start is None


def test_settings_of_the_image_go_with_its_command(folder) -> None:
    text = 'FROM node\nENV VCAP_APP_HOST="0.0.0.0"\nENV NODE_ENV=production\nCMD node a.js\n'
    start = survey_of(folder({"Dockerfile": text, "a.js": "process.env.PORT"})).start
    assert start.env == (("NODE_ENV", "production"),)


def test_a_port_that_nothing_reads_is_a_gap(folder) -> None:
    survey = survey_of(folder({"index.js": "require('http').createServer(f).listen(3000)\n"}))
    assert any(gap.startswith("no variable for the port: index.js:1") for gap in gaps_of(survey))


@pytest.mark.parametrize(
    ("files", "product", "place"),
    [
        ({"setup.py": SETUP, "shore/cli.py": "def cli(): pass"}, Product.COMMAND, "setup.py:3"),
        ({"setup.py": SETUP, "shore/cli.py": CLICK_SERVER}, Product.SITE, "shore/cli.py:9"),
        (
            {"Cargo.toml": '[package]\nname="rg"\n[[bin]]\nname="rg"\n', "a.rs": ""},
            Product.COMMAND,
            "Cargo.toml:3",
        ),
        ({"Cargo.toml": '[package]\nname="a"\n', "src/lib.rs": ""}, Product.LIBRARY, ""),
        ({"go.mod": GO_MOD, "a.go": GO_MAIN}, Product.SITE, "a.go:4"),
        ({"go.mod": GO_MOD, "a.go": "package a\n"}, Product.LIBRARY, ""),
        (RAILS, Product.SITE, "bin/rails:2"),
        ({"index.php": "<?php"}, Product.SITE, "index.php"),
        ({"bin/shore": "#!/bin/sh\n", "lib/a.sh": ""}, Product.COMMAND, "bin/shore:1"),
        ({"package.json": '{"bin": "a.js"}', "a.js": ""}, Product.COMMAND, "package.json:1"),
        (
            {"package.json": '{"dependencies": {"express": "4"}}', "a.js": ""},
            Product.SITE,
            "package.json:1",
        ),
        # Middleware is tested with Express, and needs none.
        (
            {"package.json": '{"devDependencies": {"express": "4"}}', "a.js": ""},
            Product.LIBRARY,
            "",
        ),
        (
            {"pom.xml": "<project/>", "src/main/java/x/ShoreMain.java": "void main(String[] a)"},
            Product.COMMAND,
            "src/main/java/x/ShoreMain.java:1",
        ),
    ],
)
def test_the_kind_of_product_has_its_evidence(folder, files, product, place) -> None:
    survey = survey_of(folder(files))
    because = survey.product_because
    assert (survey.product, because.place if because else "") == (product, place)
    mission = next(draft for draft in drafts_of(survey) if draft.path == "mission.md")
    assert f"what kind of thing: {product}, because" in mission.guesses[1]


@pytest.mark.parametrize(
    ("files", "summary", "place"),
    [
        # ZooKeeper and DokuWiki: a README that only leads elsewhere.
        (
            {
                "README.md": "# Zoo\n\nFor the latest information, please visit our site at:\n",
                "pom.xml": "<project><description>Zoo keeps what\n others ask for.</description>"
                "<build><description>No, this is a plugin</description></build></project>",
            },
            "Zoo keeps what others ask for.",
            "pom.xml:1",
        ),
        (
            {"README": "All documentation for the wiki is available online at https://x.org\n"},
            "",
            "",
        ),
        # webhook: the paragraph begins with a link.
        (
            {"README.md": "# A\n\n[![b][c]][d] [![b](e)](f)\n\n[hook][w] runs what you tell it.\n"},
            "hook runs what you tell it.",
            "README.md:5",
        ),
        # Redmine: a README of another markup.
        (
            {"README.rdoc": "= Red\n\nRed is a tracker of other people's projects.\n"},
            "Red is a tracker of other people's projects.",
            "README.rdoc:3",
        ),
        (
            {"composer.json": '{"description": "A wiki that needs no database"}'},
            "A wiki that needs no database",
            "composer.json:1",
        ),
        (
            {"setup.py": 'setup(\n    description="Tells who owes whom how much",\n)\n'},
            "Tells who owes whom how much",
            "setup.py:2",
        ),
        ({"setup.cfg": "[metadata]\ndescription = file: README.rst\n"}, "", ""),
    ],
)
def test_what_the_product_is_stands_where_its_maintainer_wrote_it(
    folder, files, summary, place
) -> None:
    survey = survey_of(folder(files))
    because = survey.summary_because
    assert (survey.summary, because.place if because else "") == (summary, place)


def test_a_long_description_ends_with_a_sentence(folder) -> None:
    text = "It is a tool for people. " * 30
    survey = survey_of(folder({"package.json": f'{{"description": "{text}"}}'}))
    assert survey.summary.endswith("people.")
    assert 300 < len(survey.summary) <= 400


def test_helpers_in_another_language_say_nothing_about_the_product(folder) -> None:
    files = {
        "pom.xml": "<project/>",
        **{f"src/main/java/A{number}.java": "" for number in range(3)},
        "contrib/rest.py": "@app.get('/x')\ndef x(): pass\n",
        "contrib/x_test.py": "import unittest\n",
    }
    survey = survey_of(folder(files))
    assert (survey.product, survey.routes, survey.suite) == (Product.LIBRARY, (), None)


@pytest.mark.parametrize(
    ("files", "path", "make"),
    [
        ({"go.mod": GO_MOD}, "go.sum", "go mod tidy && go mod vendor"),
        ({"go.mod": GO_MOD, "go.sum": ""}, "go.sum", "go mod vendor"),
        ({"go.mod": GO_MOD, "go.sum": "", "vendor/modules.txt": ""}, "go.sum", ""),
        (
            {"Cargo.toml": '[dependencies]\na="1"\n', "Cargo.lock": ""},
            "Cargo.lock",
            "cargo vendor --locked",
        ),
        # ripgrep: settings of Cargo that vendor nothing.
        (
            {"Cargo.toml": '[dependencies]\na="1"\n', "Cargo.lock": "", ".cargo/config": ""},
            "Cargo.lock",
            "cargo vendor --locked",
        ),
        (
            {
                "Cargo.toml": '[dependencies]\na="1"\n',
                "Cargo.lock": "",
                "vendor/a/.cargo-checksum.json": "{}",
            },
            "Cargo.lock",
            "",
        ),
    ],
)
def test_go_and_cargo_are_locked_in_their_own_files(folder, files, path, make) -> None:
    survey = survey_of(folder({**files, "a.go": "", "src/main.rs": ""}))
    assert (survey.lock.path, survey.lock.make) == (path, make)


def test_a_lock_that_is_there_is_not_called_missing(folder) -> None:
    survey = survey_of(folder({"Cargo.toml": '[dependencies]\na="1"\n', "Cargo.lock": ""}))
    assert any(
        gap.startswith("nothing can be installed from Cargo.lock") for gap in gaps_of(survey)
    )
    assert "Nothing can be installed from it yet" in config_of(survey)


def test_yarns_first_lock_is_the_apps(folder) -> None:
    text = "# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.\n# yarn lockfile v1\n"
    files = {"package.json": '{"dependencies": {"a": "1"}}', "yarn.lock": text}
    assert (survey_of(folder(files)).lock.path) == "yarn.lock"


def test_packages_that_no_sandbox_gets_are_not_called_nothing(folder) -> None:
    files = {**RAILS, "package.json": '{"devDependencies": {"stylelint": "1"}}', "yarn.lock": ""}
    survey = survey_of(folder(files))
    assert survey.lock is None
    assert any("Gemfile names 1 packages, such as rails" in gap for gap in gaps_of(survey))
    assert "Nothing is depended on" not in config_of(survey)


def test_committed_packages_of_composer_need_no_lock(folder) -> None:
    files = {"composer.json": '{"require": {"a/b": "1"}}', "index.php": "", "vendor/composer/x": ""}
    survey = survey_of(folder(files))
    assert not any("no lock" in gap for gap in gaps_of(survey))
    assert "vendor/composer/ has them" in config_of(survey)


def test_one_lock_is_enough_where_both_would_be_made_from_the_same(folder) -> None:
    files = {"requirements.txt": "flask\npytest\n", "test_a.py": "def test_a(): pass\n"}
    assert survey_of(folder(files)).tests_lock is None


@pytest.mark.parametrize(
    ("files", "runner", "command", "paths"),
    [
        (
            {
                "package.json": '{"scripts": {"test": "yarn mocha && yarn lint", "lint": "eslint",'
                ' "mocha": "NODE_ENV=test mocha"}}',
                "test/a.js": "",
            },
            "mocha",
            "env NODE_ENV=test node_modules/.bin/mocha --reporter xunit --reporter-option"
            " output=/tmp/report/junit.xml",
            ("test/**",),
        ),
        (
            {"package.json": '{"scripts": {"test": "vitest run src"}}', "src/a.test.ts": ""},
            "vitest",
            "node_modules/.bin/vitest run --reporter=junit --outputFile=/tmp/report/junit.xml src",
            ("src/a.test.ts",),
        ),
        (
            {"package.json": '{"scripts": {"test": "npm run build && cross-env A=b jest"}}'},
            "jest",
            "",
            (),
        ),
        (
            {"phpunit.xml.dist": "", "tests/ATest.php": "", "src/A.php": ""},
            "phpunit",
            "php vendor/bin/phpunit --log-junit /tmp/report/junit.xml",
            ("tests/**",),
        ),
        (
            {**RAILS, "test/unit/a_test.rb": "", "lib/plugins/x/spec/a_spec.rb": ""},
            "minitest",
            "",
            ("test/**",),
        ),
        ({"go.mod": GO_MOD, "a.go": "", "in/a_test.go": ""}, "go test", "", ("**/*_test.go",)),
        ({"pom.xml": "", "m/src/test/java/A.java": ""}, "mvn test", "", ("**/src/test/**",)),
        (
            {"test/a.bats": "", "bin/shore": "#!/bin/sh\n"},
            "bats",
            "sh -c exec bats --recursive --formatter junit test > /tmp/report/junit.xml",
            ("test/**",),
        ),
        # ihatemoney: a folder of tests inside of the package.
        (
            {"shore/tests/a_test.py": "def test_a(): pass\n", "shore/__init__.py": ""},
            "pytest",
            "python -m pytest -q -p no:cacheprovider --junitxml=/tmp/report/junit.xml",
            ("shore/tests/**",),
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_strangers_tests(folder, files, runner, command, paths) -> None:
    suite = survey_of(folder(files)).suite
    assert (suite.runner, " ".join(suite.command), suite.paths) == (runner, command, paths)


def test_a_runner_without_a_report_is_told_what_writes_one(folder) -> None:
    gaps = gaps_of(survey_of(folder({"package.json": '{"scripts": {"test": "jest"}}'})))
    assert any("no JUnit report" in gap and "jest-junit" in gap for gap in gaps)


@pytest.mark.parametrize(
    ("files", "paths"),
    [
        # A blueprint's route is an address only below its prefix, and nobody mounts the second.
        (
            {
                "a.py": "bp = Blueprint('a', __name__)\n@bp.route('/x')\ndef x(): pass\n",
                "b.py": "bp = Blueprint('b', __name__)\n@bp.route('/y')\ndef y(): pass\n",
                "app.py": "from a import bp as a_bp\napp.register_blueprint(a_bp, url_prefix='/p')",
            },
            {"/p/x"},
        ),
        (
            {
                "items.py": "router = APIRouter(prefix='/i')\n@router.get('/x')\ndef x(): pass\n"
                "import fastapi\n",
                "app.py": "import items\napp.include_router(items.router, prefix='/v1')\n",
            },
            {"/v1/i/x"},
        ),
        ({"a.py": "def add(rss):\n    @rss.route('/')\n    def x(): pass\n"}, set()),
        ({"a.py": "def add(add_route):\n    add_route(View(), r'/-/logout$')\n"}, {"/-/logout"}),
        ({"a.py": "def add(add_route):\n    add_route(View(), r'/(\\.(?P<f>json))?$')\n"}, {"/"}),
        ({"a.py": "def add(add_route):\n    add_route(View(), r'/(?P<db>[^/]+)$')\n"}, set()),
        (
            {
                "app.js": "app.use('/users', router)\napp.get('/up', f)\n",
                "users.js": "router.get('/')\n",
            },
            {"/up"},
        ),
        ({"db.js": "router.get('/db', f)\n"}, {"/db"}),
    ],
)
def test_a_route_below_an_unknown_prefix_is_no_address(folder, files, paths) -> None:
    assert {route.path for route in survey_of(folder(files)).routes} == paths


@pytest.mark.parametrize(
    ("text", "env", "is_fixed"),
    [
        ("os.getenv('ALLOW_OUTSIDE_DATADIR', 'False')", "", False),
        ("os.getenv('SHORE_DATADIR', 'x')", "SHORE_DATADIR", False),
        ("URI = 'sqlite:////tmp/shore.db'", "", False),
        ("URI = 'sqlite:///shore.db'", "", True),
        ("sqlite3.connect(':memory:')", "", False),
        ("sqlite3.connect(path)", "", False),
        ("DB = 'shore.db'\nsqlite3.connect(DB)", "", True),
        ("sqlite3.connect(Path(__file__).parent / 'a.db')", "", True),
    ],
)
def test_where_a_stranger_keeps_data(folder, text, env, is_fixed) -> None:
    data = survey_of(folder({"app.py": f"import os\n{text}\n"})).data
    assert (data.env, data.fixed is not None) == (env, is_fixed)


@pytest.mark.parametrize(
    ("files", "gap"),
    [
        (
            {"compose.yaml": "services:\n  db:\n    image: docker.io/library/postgres:16\n"},
            "no PostgreSQL beside the app: compose.yaml:3 runs docker.io/library/postgres:16",
        ),
        (
            {
                ".github/workflows/ci.yml": "jobs:\n  a:\n    services:\n      m: {}\n      image: mongo\n"
            },
            "no MongoDB beside the app: .github/workflows/ci.yml:5",
        ),
        (
            {"requirements.txt": "redis\n"},
            "no Redis beside the app: requirements.txt:1 names redis",
        ),
        # One extra among several is no need.
        (
            {"pyproject.toml": "[project.optional-dependencies]\ndatabase = ['psycopg2']\n"},
            "",
        ),
    ],
)
def test_a_service_that_the_app_needs_is_named(folder, files, gap) -> None:
    survey = survey_of(folder({**files, "app.py": "from flask import Flask\napp = Flask('a')\n"}))
    found = [one for one in gaps_of(survey) if "beside the app" in one]
    assert len(found) == bool(gap)
    assert all(one.startswith(gap) for one in found)


def test_a_proposal_that_the_code_contradicts_is_not_made(folder) -> None:
    survey = survey_of(folder({**RAILS, "lib/plugins/loader.rb": ""}))
    proposed = {never.id for never in nevers_of(survey)}
    assert not proposed & {"M-NOACCOUNT", "M-NOPLUGIN"}


def test_what_builds_or_binds_is_not_open_to_the_factory(folder) -> None:
    names = ("build.rs", "webpack.config.js", "LICENSE.md", "hatch_build.py", "app.js")
    assert survey_of(folder(dict.fromkeys(names, "x"))).places == ("/app.js",)
