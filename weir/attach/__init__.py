"""Attach: the tail that runs inside other people's programs. `weir.attach()` attaches the program that calls it.

>>> import weir
>>> callable(weir.attach)  # `weir.attach()`, in the first cell of a notebook
True
"""

import sys
from types import ModuleType

from weir.attach.weir_tail import attach


class _CallableModule(ModuleType):
    """This room as a module that can be called: it has the name of the function that it is for."""

    def __call__(self, url: str | None = None, token: str | None = None) -> None:
        """Send the LangChain runs of this process to Weir from now on. Without `url`, WEIR_ATTACH has the address."""
        attach(url, token)


sys.modules[__name__].__class__ = _CallableModule
