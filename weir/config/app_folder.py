"""Where the app's own files are: `streamlit_app.py`, `pages/`, `chains/` and `.streamlit/`."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_CHECKOUT = _PACKAGE.parent

IS_CHECKOUT = (_CHECKOUT / "streamlit_app.py").is_file()
"""Whether Weir runs from its source tree. Installed, the app's files are inside the package."""

APP_FOLDER = _CHECKOUT if IS_CHECKOUT else _PACKAGE / "_app"
