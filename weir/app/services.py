"""What the process has one of: recorder, models, limits, conversations."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from weir.access.limits import RunLimitConfig, RunLimiter
from weir.app.answer_writer import AnswerWriter
from weir.config.settings import Settings
from weir.core.redaction import Redactor, install_log_redaction
from weir.llm.provider import ModelProvider
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore
from weir.storage.database import IN_MEMORY_URL, database_url
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageError

TRASH_DAYS = 30
"""Days that a deleted conversation can be had back."""

CLOSE_SECONDS = 1.0
"""What the loop of the runs has to close its connections."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppServices:
    """What the pages stand on."""

    settings: Settings
    models: ModelProvider
    recorder: Recorder
    limits: RunLimiter
    loop: BackgroundLoop
    conversations: ConversationRepository
    """The conversations; one in memory, gone with the process, where there is a `storage_problem`."""
    answer_writer: AnswerWriter
    redactor: Redactor
    """What nothing that is shown may hold."""
    storage_problem: StorageError | None

    def start(self) -> None:
        """Begin to load the embedded model, if it is what answers, and remove what was deleted long ago."""
        self.models.start()
        try:
            self.conversations.purge(days=TRASH_DAYS)
        except StorageError:
            _LOG.exception("deleted conversations are not purged")

    def close(self) -> None:
        """Stop all runs, the embedded engine and the loop. What does not end, as a chain that computes, is left."""
        self.recorder.stop_all()
        self.answer_writer.close()
        if self.models.engine:
            self.models.engine.stop()
        try:
            self.loop.submit(self.models.aclose()).result(timeout=CLOSE_SECONDS)
        except TimeoutError:
            _LOG.warning("the connections to the model are left to the system")
        self.loop.close()
        self.conversations.close()


def build_services(chosen: Settings, secrets: Iterable[str] = ()) -> AppServices:
    """Build what the process needs. `secrets` are hidden besides those of the settings and of the models."""
    loop = BackgroundLoop()
    store = MemoryStore(budget=int(chosen.record_mb * 1e6))
    models = ModelProvider(chosen)
    hidden = (*models.secrets, *secrets)
    redactor = Redactor(hidden)
    install_log_redaction(redactor)
    recorder = Recorder(store, loop, grace=chosen.grace_seconds, hidden=hidden)
    library, problem = _open_repository(chosen)
    limits = RunLimiter(run_limit_config(chosen))
    return AppServices(chosen, models, recorder, limits, loop, library, AnswerWriter(library), redactor, problem)


def run_limit_config(chosen: Settings) -> RunLimitConfig:
    """Return the limits that are set."""
    return RunLimitConfig(
        live=chosen.max_runs,
        live_per_address=chosen.max_runs_per_client,
        live_per_visitor=chosen.max_runs_per_visitor,
        starts_per_minute=chosen.runs_per_minute,
        total_starts_per_minute=chosen.total_runs_per_minute,
        tokens_per_day=chosen.tokens_per_day,
        total_tokens_per_day=chosen.total_tokens_per_day,
    )


def _open_repository(chosen: Settings) -> tuple[ConversationRepository, StorageError | None]:
    url = chosen.database_url.get_secret_value() if chosen.database_url else None
    try:
        return open_repository(database_url(chosen.data_folder, url)), None
    except StorageError as problem:
        _LOG.exception("conversations are kept in memory only")
        return open_repository(IN_MEMORY_URL), problem
