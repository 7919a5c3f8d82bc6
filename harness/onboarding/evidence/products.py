"""What the product is called, its own description, and of which kind it is: each with the place
that shows it. The project's own manifest is asked before its README."""

import re
from collections.abc import Iterator

from harness.onboarding.evidence.languages import PAGES, PROSE, language_of
from harness.onboarding.evidence.manifests import packages_in
from harness.onboarding.evidence.readme import readme_of
from harness.onboarding.evidence.sources import (
    Sources,
    is_beside,
    json_object,
    table,
    toml_document,
)
from harness.onboarding.evidence.starts.entry_points import (
    commands_installed,
    entry_points_in,
    go_programs,
)
from harness.onboarding.survey import Evidence, Product, Route, Start
from harness.onboarding.words import LONGEST, paragraph, plain

_GO_SERVES = re.compile(r"\bListenAndServe(?:TLS)?\(|\bhttp\.Serve\(|\b(?:gin|echo|fiber)\.New\(")
_SERVES = re.compile(
    r"(?:rails|sinatra|hanami|roda|puma|axum|actix-web|rocket|warp|poem|salvo|tide|laravel/framework|"
    r"symfony/(?:framework-bundle|http-kernel)|slim/slim|cakephp/cakephp|express|fastify|koa|hapi|"
    r"@nestjs/core|next|nuxt|@sveltejs/kit|org\.springframework\.boot:spring-boot-starter-web(?:flux)?|"
    r"io\.javalin:javalin|io\.quarkus:quarkus-(?:rest|resteasy)\S*)\Z"
)
"""Packages whose purpose is to answer requests."""
_FRONTS = ("index.php", "public/index.php", "web/index.php")


def name_in(sources: Sources) -> str:
    """The product's name by its manifest, else its folder's."""
    named = (
        table(sources.pyproject, "project").get("name"),
        table(sources.pyproject, "tool", "poetry").get("name"),
        sources.package_json.get("name"),
        table(toml_document(sources.contents.text("Cargo.toml")), "package").get("name"),
    )
    for given in named:
        if isinstance(given, str) and plain(given):
            return plain(given, longest=80)
    return plain(sources.contents.folder.absolute().name, longest=80) or "this project"


def summary_in(sources: Sources, readme: str) -> tuple[str, Evidence | None]:
    """What the product is, and where that stands: the manifest's description, else the README's
    first paragraph with content. Only words that can stand in a draft count."""
    for file, described in _descriptions(sources):
        if isinstance(described, str) and len(described.split()) >= 4 and paragraph(described):
            first = described.strip().splitlines()[0].strip()[:40]
            return _whole(described), Evidence(file, sources.line_of(file, first), "describes it")
    text, line = readme_of(sources.contents.text(readme)) if readme else ("", 0)
    if paragraph(text):
        return _whole(text), Evidence(readme, line, "describes it")
    return "", None


def _whole(text: str) -> str:
    """As many whole sentences as a draft takes; at least the beginning of one."""
    first, *others = re.split(r"(?<=[.!?])\s+(?=[A-Z])", plain(text, longest=4 * LONGEST))
    for sentence in others:
        if len(first) + len(sentence) >= LONGEST:
            break
        first = f"{first} {sentence}"
    return plain(first)


def _descriptions(sources: Sources) -> Iterator[tuple[str, object]]:
    text = sources.contents.text
    yield "pyproject.toml", table(sources.pyproject, "project").get("description")
    yield "pyproject.toml", table(sources.pyproject, "tool", "poetry").get("description")
    yield "setup.cfg", _setting(text("setup.cfg"))
    yield "setup.py", _setting(text("setup.py"))
    yield "package.json", sources.package_json.get("description")
    yield "Cargo.toml", table(toml_document(text("Cargo.toml")), "package").get("description")
    yield "composer.json", json_object(text("composer.json")).get("description")
    yield "pom.xml", _of_pom(text("pom.xml"))


def _setting(text: str) -> str:
    found = re.search(
        r"^[ \t]*description[ \t]*=\s*(?P<mark>[\"']?)(?P<words>.{1,2000}?)(?P=mark),?[ \t]{0,20}$",
        text,
        re.MULTILINE,
    )
    # `description=DESCRIPTION` or `file: README.rst` name another place.
    return found["words"] if found and " " in found["words"] else ""


def _of_pom(text: str) -> str:
    # The project's own description stands above its dependencies, plugins and profiles.
    own = re.split(r"<(?:dependencies|dependencyManagement|build|profiles)>", text, maxsplit=1)[0]
    found = re.search(r"<description>([^<]{4,2000})</description>", own)
    return found[1] if found else ""


def product_in(
    sources: Sources, start: Start | None, routes: tuple[Route, ...]
) -> tuple[Product, Evidence | None]:
    """The kind of product, and what shows it; None where nothing does, and the least is said."""
    # What answers requests is a site, even if it installs commands too.
    if because := next(_serving(sources, start, routes), None):
        return Product.SITE, because
    languages = {language_of(name) for name in sources.contents.files if not is_beside(name)} - {""}
    # Nothing but documents and pages: no program to install.
    if not languages - PROSE - PAGES:
        is_prose = languages & PROSE or not languages
        return (Product.DOCUMENTS if is_prose else Product.SITE), None
    guards = (
        Evidence(file.path, file.guard, "is run as a program")
        for file in sources.product
        if file.guard
    )
    for because in (*commands_installed(sources), *guards):
        return Product.COMMAND, because
    return Product.LIBRARY, None


def _serving(
    sources: Sources, start: Start | None, routes: tuple[Route, ...]
) -> Iterator[Evidence]:
    if start:
        yield start.because
    yield from (Evidence(one.file, one.line, f"answers {one.path}") for one in routes[:1])
    for file in sources.product if entry_points_in(sources) else ():
        for line in file.servers:
            yield Evidence(file.path, line, "starts a server")
    for program in go_programs(sources):
        folder = program.file.rpartition("/")[0]
        for name in sources.contents.files:
            if name.rpartition("/")[0] == folder and name.endswith(".go"):
                text = sources.contents.text(name)
                if (found := _GO_SERVES.search(text)) and not is_beside(name):
                    yield Evidence(name, text.count("\n", 0, found.start()) + 1, "serves")
    for front in _FRONTS:
        if front in sources.contents.files and sources.language == "PHP":
            yield Evidence(front, 0, "is what a web server runs")
    yield from _frameworks(sources)


def _frameworks(sources: Sources) -> Iterator[Evidence]:
    """Packages that answer requests, where the project itself is a program and needs them to run: a
    library may be tested with a framework."""
    text = sources.contents.text
    is_program = next(commands_installed(sources), None) is not None
    needed = {
        "package.json": set(table(sources.package_json, "dependencies")),
        "composer.json": set(table(json_object(text("composer.json")), "require")),
        "Cargo.toml": set(table(toml_document(text("Cargo.toml")), "dependencies"))
        if is_program
        else set(),
    }
    for package in packages_in(sources):
        file = package.because.file
        if _SERVES.match(package.name) and package.name in needed.get(file, {package.name}):
            yield Evidence(file, package.because.line, f"needs {package.name}")
