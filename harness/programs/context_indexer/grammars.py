"""Which grammar reads which file, and the query on its trees. Each grammar is a wheel; nothing is
fetched.

A query marks a definition with its kind and its `@name`, and an import as `@import`, or as `@from`
and `@what`.
"""

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

_PYTHON = """
(class_definition name: (identifier) @name) @class
(function_definition name: (identifier) @name) @function
(module (expression_statement (assignment left: (identifier) @name))) @value
(import_statement name: (dotted_name) @import)
(import_statement name: (aliased_import name: (dotted_name) @import))
(import_from_statement module_name: (_) @from)
(import_from_statement module_name: (_) @from name: (dotted_name) @what)
(import_from_statement module_name: (_) @from name: (aliased_import name: (dotted_name) @what))
"""
_JAVASCRIPT = """
(class_declaration name: (_) @name) @class
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(method_definition name: (property_identifier) @name) @function
(variable_declarator name: (identifier) @name
 value: [(arrow_function) (function_expression)]) @function
(import_statement source: (string (string_fragment) @import))
(export_statement source: (string (string_fragment) @import))
(call_expression function: (import) arguments: (arguments (string (string_fragment) @import)))
(call_expression function: (identifier) @call
 arguments: (arguments (string (string_fragment) @import)) (#eq? @call "require"))
"""
_TYPESCRIPT = (
    _JAVASCRIPT
    + """
(abstract_class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @type
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name) @type
"""
)
_GO = """
(function_declaration name: (identifier) @name) @function
(method_declaration name: (field_identifier) @name) @function
(type_spec name: (type_identifier) @name) @type
(import_spec path: (interpreted_string_literal) @import)
"""
_RUST = """
(function_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @type
(enum_item name: (type_identifier) @name) @type
(trait_item name: (type_identifier) @name) @class
(impl_item type: (_) @name) @class
(macro_definition name: (identifier) @name) @function
(mod_item name: (identifier) @import !body)
(use_declaration argument: (_) @import)
"""
_JAVA = """
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @class
(enum_declaration name: (identifier) @name) @class
(record_declaration name: (identifier) @name) @class
(method_declaration name: (identifier) @name) @function
(import_declaration (scoped_identifier) @import)
"""
_RUBY = """
(class name: (_) @name) @class
(module name: (_) @name) @class
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(call method: (identifier) @call arguments: (argument_list (string (string_content) @import))
 (#match? @call "^(require|require_relative|load)$"))
"""


@dataclass(frozen=True)
class Grammar:
    """A parser for a language, and the query on its trees."""

    parser: Any
    query: Any


_LANGUAGES = {
    "python": ("tree_sitter_python", "language", _PYTHON, (".py", ".pyi")),
    "javascript": (
        "tree_sitter_javascript",
        "language",
        _JAVASCRIPT,
        (".js", ".jsx", ".mjs", ".cjs"),
    ),
    "typescript": (
        "tree_sitter_typescript",
        "language_typescript",
        _TYPESCRIPT,
        (".ts", ".mts", ".cts"),
    ),
    "tsx": ("tree_sitter_typescript", "language_tsx", _TYPESCRIPT, (".tsx",)),
    "go": ("tree_sitter_go", "language", _GO, (".go",)),
    "rust": ("tree_sitter_rust", "language", _RUST, (".rs",)),
    "java": ("tree_sitter_java", "language", _JAVA, (".java",)),
    "ruby": ("tree_sitter_ruby", "language", _RUBY, (".rb", ".rake", ".gemspec")),
}
_BY_ENDING = {ending: name for name, (*_, endings) in _LANGUAGES.items() for ending in endings}
ENDINGS = tuple(_BY_ENDING)
"""Files with these endings have a grammar."""

DISTRIBUTIONS = (
    "tree-sitter",
    *sorted({module.replace("_", "-") for module, *_ in _LANGUAGES.values()}),
)
"""The distributions that have to be importable where the program runs."""


def language_of(path: str) -> str | None:
    """The language of a file, by the ending of its name; None when there is no grammar for it."""
    name = path.rpartition("/")[2]
    return _BY_ENDING.get(name[name.rfind(".") :].lower()) if "." in name else None


@cache
def grammar(language: str) -> Grammar:
    """The parser and the query of a language that `language_of` returns."""
    from tree_sitter import Language, Parser, Query

    module, function, query, _ = _LANGUAGES[language]
    found = Language(getattr(importlib.import_module(module), function)())
    return Grammar(Parser(found), Query(found, query))
