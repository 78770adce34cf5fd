"""Problems of the embedded model, each with the sentence that people read."""

from enum import Enum


class EngineProblem(Enum):
    """Why the embedded model cannot answer."""

    NO_ENGINE = "The embedded engine (the package xllamacpp) is not installed."
    NO_PACKAGED_MODEL = "The embedded model's file is not installed."
    NO_SUCH_FILE = "There is no file at the path in WEIR_LOCAL_MODEL."
    UNREADABLE = "The model's file cannot be read."
    NOT_GGUF = "The file in WEIR_LOCAL_MODEL is not a GGUF model."
    DAMAGED = "The embedded model's file is damaged: its checksum is wrong."
    NOT_STARTED = "The embedded engine could not start."
    KILLED = "The embedded engine was killed while it loaded the model."
    TOO_SLOW = "The embedded model took too long to load."
    DIED = "The embedded engine stopped unexpectedly."

    @property
    def message(self) -> str:
        """What happened."""
        return self.value


class EngineError(Exception):
    """The embedded model cannot answer: `problem` says why, `detail` has particulars."""

    def __init__(self, problem: EngineProblem, detail: str = "") -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.detail = detail
