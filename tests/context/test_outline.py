"""What the grammars see in files, language by language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.programs.context_indexer.grammars import ENDINGS, language_of
from harness.programs.context_indexer.reading import outline

CASES = {
    "a.py": (
        (
            "import os.path\nfrom shop import prices as p\nfrom .basket import Basket\n\nLIMIT ="
            " 3\n\n\nclass Till:\n    def ring(self, line):\n        def inner():\n           "
            " pass\n        return line\n"
        ),
        [("value", "LIMIT", 5, 5), ("class", "Till", 8, 12), ("function", "ring", 9, 12)],
        {"os.path", "shop.prices", ".basket.Basket"},
    ),
    "a.js": (
        (
            "import { total } from './basket.js'\nconst fs = require('node:fs')\nexport class Till"
            " { ring(line) { return line } }\nconst open = () => {\n  return 1\n}\n"
        ),
        [("class", "Till", 3, 3), ("function", "ring", 3, 3), ("function", "open", 4, 6)],
        {"./basket.js", "node:fs"},
    ),
    "a.ts": (
        (
            "import type { Line } from '../line'\nexport interface Till { open: boolean }\ntype"
            " Price = number\nfunction ring(): void {}\n"
        ),
        [("type", "Till", 2, 2), ("type", "Price", 3, 3), ("function", "ring", 4, 4)],
        {"../line"},
    ),
    "a.tsx": (
        "import React from 'react'\nexport function Page() {\n  return <p>{1}</p>\n}\n",
        [("function", "Page", 2, 4)],
        {"react"},
    ),
    "a.go": (
        (
            'package till\n\nimport "example.com/shop/basket"\n\ntype Till struct{}\n\n'
            "func (t *Till) Ring() int {\n\treturn 1\n}\n"
        ),
        [("type", "Till", 5, 5), ("function", "Ring", 7, 9)],
        {"example.com/shop/basket"},
    ),
    "a.rs": (
        (
            "use crate::basket::Basket;\nmod line;\nstruct Till;\nimpl Till {\n    fn ring(&self)"
            " {}\n}\n"
        ),
        [("type", "Till", 3, 3), ("class", "Till", 4, 6), ("function", "ring", 5, 5)],
        {"crate::basket::Basket", "line"},
    ),
    "A.java": (
        "import com.acme.Basket;\npublic class A {\n  int ring() { return 1; }\n}\n",
        [("class", "A", 2, 4), ("function", "ring", 3, 3)],
        {"com.acme.Basket"},
    ),
    "a.rb": (
        (
            "require_relative 'basket'\nmodule Shop\n  class Till\n    def ring\n      1\n    end\n"
            "  end\nend\n"
        ),
        [("class", "Shop", 2, 8), ("class", "Till", 3, 7), ("function", "ring", 4, 6)],
        {"basket"},
    ),
}


@pytest.mark.parametrize("path", CASES)
def test_a_grammar_sees_definitions_and_imports(path) -> None:
    text, definitions, imports = CASES[path]
    found = outline(path, text.encode())
    assert [tuple(one[:4]) for one in found["definitions"]] == definitions
    assert imports <= set(found["imports"])


def test_every_ending_has_a_case() -> None:
    assert {language_of(path) for path in CASES} == {
        language_of(f"a{ending}") for ending in ENDINGS
    }


def test_a_signature_is_a_definition_without_its_body() -> None:
    found = outline("a.py", b"def ring(\n    line,\n    *, twice=False,\n) -> int:\n    return 1\n")
    assert found["definitions"][0][4] == "def ring( line, *, twice=False, ) -> int:"


@pytest.mark.parametrize("path", ["notes.md", "Makefile", "data.bin", "a.unknown", "py"])
def test_a_file_without_a_grammar_has_no_outline(path) -> None:
    assert outline(path, b"def f(): pass") == {"definitions": [], "imports": []}


@given(st.binary(max_size=300), st.sampled_from(ENDINGS))
def test_no_bytes_are_too_broken_to_be_read(content, ending) -> None:
    found = outline(f"a{ending}", content)
    assert all(0 < one[2] <= one[3] for one in found["definitions"])
