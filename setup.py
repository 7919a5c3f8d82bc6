"""What pyproject.toml cannot say: `workflows/` and `examples/` lie beside the package here, and
inside it in a wheel.

`harness/shipped.py` finds them in either place. An editable install reads them where they are.
"""

import shutil
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build

SHIPPED = ("workflows", "examples")
LEFTOVERS = {
    "__pycache__",
    ".pytest_cache",
    "data",
    "node_modules",
}  # what running the example leaves in its folder


class BuildShipped(Command):
    """Copies the shipped folders into the package, byte for byte; sdist takes its list of them from
    here, too."""

    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib: str | None = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        for target, source in self.get_output_mapping().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target, preserve_mode=False)

    def get_source_files(self) -> list[str]:
        found = (
            path for name in SHIPPED for path in sorted(Path(name).rglob("*")) if path.is_file()
        )
        return [str(path) for path in found if not LEFTOVERS & set(path.parts)]

    def get_output_mapping(self) -> dict[str, str]:
        return (
            {}
            if self.editable_mode
            else {f"{self.build_lib}/harness/{path}": path for path in self.get_source_files()}
        )

    def get_outputs(self) -> list[str]:
        return list(self.get_output_mapping())


class BuildAfresh(build):
    """Begins with an empty folder: setuptools would ship what an earlier build has left there."""

    sub_commands = [*build.sub_commands, ("build_shipped", None)]  # noqa: RUF012 - as setuptools declares it

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build": BuildAfresh, "build_shipped": BuildShipped})
