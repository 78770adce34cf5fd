"""The user's own chains: importing a Runnable by its `package.module:attribute`, and the list in `WEIR_CHAINS`."""

import importlib
import inspect
import logging
import re
import sys
from collections.abc import Callable
from functools import reduce
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable

from weir.config.app_folder import APP_FOLDER
from weir.config.comma_list import split_commas

APP_MODULES = frozenset({"chains", "pages", "streamlit_app"})
"""Top-level modules of the app: in its process these names are Weir's, wherever it is installed."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

MAX_DETAIL = 200
"""Characters of an exception's text that a ChainImportError repeats."""

_LOG = logging.getLogger(__name__)


class ChainImportError(Exception):
    """A chain that cannot be imported. Its text is a sentence for people."""


def parse_chain_list(text: str) -> tuple[tuple[str, str], ...]:
    """Return the `(name, path)` pairs of `WEIR_CHAINS`. Raises ValueError, which says what is wrong."""
    pairs: dict[str, str] = {}
    for entry in split_commas(text):
        name, separator, path = (part.strip() for part in entry.partition("="))
        if not separator or not NAME.fullmatch(name) or not PATH.fullmatch(path):
            raise ValueError(f"{entry[:60]!r} is not name=package.module:attribute")
        if name in pairs:
            raise ValueError(f"the name {name!r} is used twice")
        pairs[name] = path
    return tuple(pairs.items())


def import_runnable(path: str) -> Runnable[Any, Any]:
    """Import `package.module:attribute`: a Runnable, or a function without arguments that returns one.

    Raises ChainImportError if it cannot be imported or is neither.
    """
    module_name, _, attribute = path.partition(":")
    try:
        value = reduce(getattr, attribute.split("."), importlib.import_module(module_name))
        if not isinstance(value, Runnable) and callable(value) and not _needs_arguments(value):
            value = value()
    except Exception as error:
        _LOG.warning("cannot import %s", path, exc_info=True)
        raise ChainImportError(f"{path} cannot be imported: {_describe(error)}.") from None
    if not isinstance(value, Runnable):
        raise ChainImportError(f"{path} is a {type(value).__name__}, not a LangChain Runnable.")
    return value


def check_importable_in_app(path: str) -> None:
    """Raise ChainImportError if the app has a module of the same name, which it would import instead of the user's."""
    name = path.partition(":")[0].partition(".")[0]
    if name not in APP_MODULES:
        return
    app_folder = APP_FOLDER.resolve()
    if PathFinder.find_spec(name, [entry for entry in sys.path if Path(entry).resolve() != app_folder]):
        raise ChainImportError(
            f"{path} cannot be opened in the app, because the app has a package called {name} itself. Rename yours, or "
            f"record the run with `weir {path} --record run.jsonl` and open the recording on the events page."
        )


def _needs_arguments(function: Callable[..., Any]) -> bool:
    return any(
        parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for parameter in inspect.signature(function).parameters.values()
    )


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_DETAIL].rstrip(".")
