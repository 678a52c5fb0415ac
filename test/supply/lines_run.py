"""Runs `keyring` and counts what it loads and runs, in the measure of lines-run.ts.

    python lines_run.py RESULT ARGUMENT...

RESULT gets JSON: files, loaded, ran, native (compiled modules, which have no lines), packages.
Python's own library does not count, as Node's does not there.
"""

import ast
import io
import json
import runpy
import sys
import sysconfig
import threading
import tokenize
from importlib import metadata
from types import CodeType

SITE = sysconfig.get_path("purelib")
LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}
called = set()


def trace(frame, event, argument):
    """Sees each call once; no line of the frame itself has to be followed."""
    code = frame.f_code
    if code.co_filename.startswith(SITE):
        called.add((code.co_filename, code.co_firstlineno, code.co_name))


def code_lines(text):
    """The numbers of the lines that are neither empty nor comment nor docstring."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        first = getattr(node, "body", None)
        first = first[0] if isinstance(first, list) and first else None
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
            lines.difference_update(range(first.lineno, first.end_lineno + 1))
    return lines


def codes(code):
    """A code object and all in it, each with its last line."""
    inner = [item for const in code.co_consts if isinstance(const, CodeType) for item in codes(const)]
    lines = [line for _, _, line in code.co_lines() if line]
    last = max(lines + [item[1] for item in inner] + [code.co_firstlineno])
    return [(code, last), *inner]


def count(path):
    with tokenize.open(path) as file:
        text = file.read()
    lines = code_lines(text)
    owner = {}
    # Outer before inner, so that the innermost function has the line in the end. The top level has all.
    for index, (code, last) in enumerate(codes(compile(text, path, "exec", dont_inherit=True))):
        span = lines if index == 0 else range(code.co_firstlineno, last + 1)
        owner.update(dict.fromkeys(span, (path, code.co_firstlineno, code.co_name)))
    return len(lines), sum(1 for line in lines if owner[line] in called)


def main():
    result, *arguments = sys.argv[1:]
    sys.argv = ["keyring", *arguments]
    threading.settrace(trace)
    sys.settrace(trace)
    status = 0
    try:
        runpy.run_module("keyring", run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.settrace(None)
        threading.settrace(None)
    paths = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    # What was dropped from sys.modules again ran all the same.
    paths |= {path for path, _, _ in called}
    paths = {path for path in paths if path.startswith(SITE)}
    counts = [count(path) for path in paths if path.endswith(".py")]
    with open(result, "w") as file:
        json.dump({
            "files": len(counts),
            "loaded": sum(loaded for loaded, _ in counts),
            "ran": sum(ran for _, ran in counts),
            "native": sum(1 for path in paths if not path.endswith(".py")),
            "packages": sorted(
                f"{item.name} {item.version}" for item in metadata.distributions(path=[SITE])
                if item.name not in ("pip", "setuptools")
            ),
        }, file)
    sys.exit(status)


main()
