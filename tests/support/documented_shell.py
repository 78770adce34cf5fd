"""A shell in which `weir` is this tree's, for the commands that the documents give."""

import os
import shlex
import subprocess
from pathlib import Path

from tests.support.app_process import CLEAN_ENVIRONMENT, ROOT
from tests.support.command_process import TIMEOUT_SECONDS
from tests.support.preloaded_python import COMMAND, preloaded_python


def shell_output(command: str, folder: Path, **environment: str) -> str:
    """Run a command in a folder, with these variables, and return its standard output; it must end with 0."""
    tool = folder / "bin" / "weir"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec {shlex.join(preloaded_python(*COMMAND))} -m weir "$@"\n')
    tool.chmod(0o755)
    own = {
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "WEIR_DATA": str(folder / "data"),
    }
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=CLEAN_ENVIRONMENT | own | environment,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()
