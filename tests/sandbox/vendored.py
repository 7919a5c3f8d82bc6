"""Projects of Go and Cargo whose one package lies in them, as the real tools vendor it."""

import base64
import hashlib
import json
from pathlib import Path

SUM = base64.b64encode(hashlib.sha256(b"tide").digest()).decode()
GO = {
    "go.mod": "module example.test/app\n\ngo 1.19\n\nrequire example.test/tide v1.0.0\n",
    "go.sum": f"example.test/tide v1.0.0 h1:{SUM}\nexample.test/tide v1.0.0/go.mod h1:{SUM}\n",
    "main.go": (
        'package main\n\nimport (\n\t"fmt"\n\n\t"example.test/tide"\n)\n\n'
        "func main() { fmt.Println(tide.Said()) }\n"
    ),
    "main_test.go": (
        'package main\n\nimport (\n\t"testing"\n\n\t"example.test/tide"\n)\n\n'
        'func TestTide(t *testing.T) {\n\tif tide.Said() != "spring" {\n\t\tt.Fatal()\n\t}\n}\n'
    ),
    "vendor/modules.txt": ("# example.test/tide v1.0.0\n## explicit; go 1.19\nexample.test/tide\n"),
    "vendor/example.test/tide/tide.go": (
        'package tide\n\nfunc Said() string { return "spring" }\n'
    ),
}
CRATE = hashlib.sha256(b"tide-1.0.0.crate").hexdigest()
INDEX = "registry+https://github.com/rust-lang/crates.io-index"
TIDE = {
    "Cargo.toml": '[package]\nname = "tide"\nversion = "1.0.0"\nedition = "2021"\n',
    "src/lib.rs": 'pub fn said() -> String { include_str!(concat!(env!("OUT_DIR"), "/said")).into() }\n',
    "build.rs": (
        "fn main() {\n"
        '    let out = std::env::var("OUT_DIR").unwrap();\n'
        '    let net = std::net::TcpStream::connect("127.0.0.1:PORT").is_ok();\n'
        '    let file = std::fs::write("OUTSIDE/escaped", "escaped").is_ok();\n'
        '    std::fs::write(out + "/said", format!("spring {net} {file}")).unwrap();\n'
        "}\n"
    ),
}
CARGO = {
    "Cargo.toml": (
        '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n\n'
        '[dependencies]\ntide = "1"\n'
    ),
    "Cargo.lock": (
        'version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = ["tide"]\n\n'
        f'[[package]]\nname = "tide"\nversion = "1.0.0"\nsource = "{INDEX}"\n'
        f'checksum = "{CRATE}"\n'
    ),
    "src/main.rs": 'fn main() { println!("{}", tide::said()) }\n',
    ".cargo/config.toml": (
        '[source.crates-io]\nreplace-with = "vendored-sources"\n\n'
        '[source.vendored-sources]\ndirectory = "vendor"\n'
    ),
}


def go_project(folder: Path, **changed: str) -> Path:
    """The project of Go in a new folder. `changed` are files by their paths, with other texts."""
    return _written(folder, {**GO, **changed})


def cargo_project(folder: Path, *, port: int = 9, outside: str = "/nowhere") -> Path:
    """The project of Cargo in a new folder. Its crate's build script tries to reach a port of
    loopback and to write into the folder `outside`, and the app says how it went."""
    files = {
        path: text.replace("PORT", str(port)).replace("OUTSIDE", outside)
        for path, text in TIDE.items()
    }
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    files[".cargo-checksum.json"] = json.dumps({"files": digests, "package": CRATE})
    return _written(folder, {**CARGO, **{f"vendor/tide/{name}": files[name] for name in files}})


def _written(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder
