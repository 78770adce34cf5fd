"""What Python runs first in a program that `weir attach -- COMMAND` has started: it loads the tail.

The tail is loaded as `_weir_tail`, because a module named `weir_tail` attaches the program at once.
"""

import importlib.util
import os

_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "weir_tail.py")
_SPEC = importlib.util.spec_from_file_location("_weir_tail", _PATH)
if _SPEC is not None and _SPEC.loader is not None:
    _TAIL = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(_TAIL)
    _TAIL.run_as_sitecustomize(__file__)
