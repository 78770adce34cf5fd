"""Chains of the user's own, named in `WEIR_CHAINS` as `name=package.module:attribute`."""

import importlib
import inspect
import logging
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

from langchain_core.runnables import Runnable

from weir.config.comma_list import split_commas

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

MAX_DETAIL = 200
"""Characters kept of an exception's own text."""

_LOG = logging.getLogger(__name__)


class ChainImportError(Exception):
    """A chain of `WEIR_CHAINS` that cannot be had. Its text is a sentence for people."""


def parse_chain_list(text: str) -> tuple[tuple[str, str], ...]:
    """Return the `(name, path)` pairs of `WEIR_CHAINS`. Raises ValueError with what is wrong."""
    pairs: dict[str, str] = {}
    for entry in split_commas(text):
        name, separator, path = (part.strip() for part in entry.partition("="))
        if not separator or not NAME.fullmatch(name) or not PATH.fullmatch(path):
            raise ValueError(f"{entry[:60]!r} is not name=package.module:attribute")
        if name in pairs:
            raise ValueError(f"the name {name!r} stands twice")
        pairs[name] = path
    return tuple(pairs.items())


def import_runnable(path: str) -> Runnable[Any, Any]:
    """Import `package.module:attribute`: a Runnable, or a function without arguments that returns one.

    Raises ChainImportError.
    """
    module_name, _, attribute = path.partition(":")
    try:
        found = reduce(getattr, attribute.split("."), importlib.import_module(module_name))
        if not isinstance(found, Runnable) and callable(found) and not _needs_arguments(found):
            found = found()
    except Exception as error:
        _LOG.warning("cannot import %s", path, exc_info=True)
        raise ChainImportError(f"{path} cannot be imported: {_said(error)}.") from None
    if not isinstance(found, Runnable):
        raise ChainImportError(f"{path} is a {type(found).__name__}, not a LangChain Runnable.")
    return found


def _needs_arguments(function: Callable[..., Any]) -> bool:
    return any(
        parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for parameter in inspect.signature(function).parameters.values()
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_DETAIL].rstrip(".")
