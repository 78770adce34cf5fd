"""Python files, parsed, for tests that read the code."""

import ast
import gc
from pathlib import Path


def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree, parsed while nothing is collected.

    CPython 3.11's `ast.parse` fails with a SystemError if it is called again in its middle
    (https://github.com/python/cpython/issues/106905), which a collection does whose warnings print a traceback.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if collecting:
            gc.enable()
