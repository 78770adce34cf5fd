"""The app's own modules: `weir` does not import `chains`, so a command imports them by name, from their folder."""

import importlib
import sys
from typing import Any

from weir.config.app_folder import APP_FOLDER


def import_app_module(name: str) -> Any:
    """Return a module of the app, also where the working directory has a package of the same name."""
    sys.path.insert(0, str(APP_FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(APP_FOLDER))
