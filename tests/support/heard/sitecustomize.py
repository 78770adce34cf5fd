"""A second `sitecustomize`: writes what Weir's own callback handler hears inside a program, for tests of the tail."""

import importlib.abc
import os
import sys
from typing import Any

LANGCHAIN = "langchain_core.tracers.context"


class _Waiter(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != LANGCHAIN:
            return None
        sys.meta_path.remove(self)
        spec = next(found for finder in sys.meta_path if (found := finder.find_spec(name, path, target)))
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            from tests.support.heard_events import hear

            hear(module, os.environ["HEARD_FOLDER"])

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "HEARD_FOLDER" in os.environ:
    sys.meta_path.insert(0, _Waiter())
