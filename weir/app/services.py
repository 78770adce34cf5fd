"""Services of the process, one object each: recorder, models, limits, conversations, answer writer."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weir.access.limits import RunLimitConfig, RunLimiter
from weir.app.answer_writer import AnswerWriter
from weir.archive.replicated_archive import ReplicatedArchive
from weir.archive.run_archive import RunArchive
from weir.archive.run_summary import plain_entry
from weir.config.settings import Settings, SettingsError
from weir.core.redaction import Redactor, install_log_redaction
from weir.llm.provider import ModelProvider
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.storage.database import IN_MEMORY_URL, database_url
from weir.storage.records import TRASH_DAYS
from weir.storage.repository import ConversationRepository, open_repository
from weir.storage.storage_errors import StorageError

if TYPE_CHECKING:
    from weir.replicas.replica_group import ReplicaGroup

RUNS_END_SECONDS = 0.5
"""Time for runs that are stopped at the end of the process to end."""

BEAT_SECONDS = 3.0
"""Time between two reports of the live runs to the common counts of all replicas."""

ARCHIVE_SECONDS = 1.5
"""Time to write the runs that have just ended."""

CLOSE_SECONDS = 1.0
"""Time for the background loop to close its connections to the model."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppServices:
    """The services that pages and API use."""

    settings: Settings
    models: ModelProvider
    recorder: Recorder
    limits: RunLimiter
    loop: BackgroundLoop
    conversations: ConversationRepository
    """Conversation storage. If there is a `storage_problem`, it is in memory and ends with the process."""
    answer_writer: AnswerWriter
    archive: RunArchive
    """The recorder's store: runs, live and ended, and the lists of them."""
    programs: AttachedPrograms
    """The programs that send their runs."""
    redactor: Redactor
    """Removes secrets from what is shown."""
    storage_problem: StorageError | None
    """Why conversations cannot be stored in the database."""
    people_sign_in: bool = False
    """Whether people sign in: then programs need a token, and nothing is looked for on this machine."""
    replicas: "ReplicaGroup | None" = None
    """The other processes that share their runs with this one; None without `WEIR_REDIS_URL`."""

    def start(self) -> None:
        """Start to load the embedded model, if it is used, and purge conversations deleted over `TRASH_DAYS` ago."""
        self.models.start()
        if not self.people_sign_in:
            self.loop.submit(self.models.discover())
        for name in self.models.catalogue.names:
            self.loop.submit(self.models.select(name).check_health())
        self.archive.start()
        if self.replicas is not None:
            assert isinstance(self.archive, ReplicatedArchive)
            self.replicas.start(self.archive)
        try:
            self.conversations.purge(days=TRASH_DAYS)
        except StorageError:
            _LOG.exception("deleted conversations cannot be purged")

    def close(self) -> None:
        """Stop all runs, the embedded engine and the loop. A chain that does not end, as it computes, is left."""
        self.recorder.stop_all()
        self.answer_writer.close()
        deadline = time.monotonic() + RUNS_END_SECONDS
        for run in self.archive.runs():
            run.wait(max(0.0, deadline - time.monotonic()))
        self.archive.close(ARCHIVE_SECONDS)
        if self.replicas is not None:
            self.replicas.close()
        self.models.stop_engine()
        try:
            self.loop.submit(self.models.aclose()).result(timeout=CLOSE_SECONDS)
        except TimeoutError:
            _LOG.warning("the connections to the model could not be closed in time")
        self.loop.close()
        self.conversations.close()


def build_services(settings: Settings, secrets: Iterable[str] = (), *, people_sign_in: bool = False) -> AppServices:
    """Return the services for these settings. `secrets`, those of the sign-in, are redacted too."""
    loop = BackgroundLoop()
    models = ModelProvider(settings)
    all_secrets = (*models.secrets, *secrets)
    redactor = Redactor(all_secrets)
    install_log_redaction(redactor)
    conversations, problem = _open_repository(settings)
    archive = _open_archive(settings, conversations, problem)
    replicas = _open_replicas(settings, archive)
    recorder = Recorder(archive, loop, grace_seconds=settings.grace_seconds, secrets=all_secrets)
    limits = RunLimiter(run_limit_config(settings), common=replicas.counts if replicas else None)
    if replicas is not None:
        replicas.counts.keep(BEAT_SECONDS, limits.live)
    return AppServices(
        settings,
        models,
        recorder,
        limits,
        loop,
        conversations,
        AnswerWriter(conversations),
        archive,
        AttachedPrograms(archive, loop, redactor),
        redactor,
        problem,
        people_sign_in,
        replicas,
    )


def run_limit_config(settings: Settings) -> RunLimitConfig:
    """Return the limits of the settings."""
    return RunLimitConfig(
        live=settings.max_runs,
        live_per_address=settings.max_runs_per_client,
        live_per_visitor=settings.max_runs_per_visitor,
        starts_per_minute=settings.runs_per_minute,
        total_starts_per_minute=settings.total_runs_per_minute,
        tokens_per_day=settings.tokens_per_day,
        total_tokens_per_day=settings.total_tokens_per_day,
    )


def _open_archive(
    settings: Settings, conversations: ConversationRepository, problem: StorageError | None
) -> RunArchive:
    memory = int(settings.record_mb * 1e6)
    archive = RunArchive if settings.redis_url is None else ReplicatedArchive
    if problem is not None or settings.keep_mb == 0:
        return archive(memory, cost=settings.answer_cost, problem=problem)
    return archive(
        memory,
        engine=conversations.engine,
        folder=settings.data_folder,
        budget=int(settings.keep_mb * 1e6),
        cost=settings.answer_cost,
    )


def _open_replicas(settings: Settings, archive: RunArchive) -> "ReplicaGroup | None":
    """Return the group of the replicas, if there is one. Raises SettingsError."""
    if settings.redis_url is None or not isinstance(archive, ReplicatedArchive):
        return None
    # The client of Redis takes 0.1 s to import, which who has none need not wait for.
    from weir.replicas.redis_check import RedisCheckError, check_redis
    from weir.replicas.replica_group import ReplicaGroup

    url = settings.redis_url.get_secret_value()
    try:
        check_redis(url)
    except RedisCheckError as problem:
        if not (settings.redis_optional and problem.may_pass):
            raise SettingsError(str(problem)) from None
        _LOG.warning("%s Weir starts alone, and joins the others when it can.", problem)
    group = ReplicaGroup(
        url,
        describe=plain_entry,
        grace_seconds=settings.grace_seconds,
        memory=int(settings.record_mb * 1e6),
        budget=int(settings.redis_mb * 1e6),
        ttl=int(settings.redis_hours * 3_600),
        folder=archive.folder_id,
    )
    archive.join(group)
    return group


def _open_repository(settings: Settings) -> tuple[ConversationRepository, StorageError | None]:
    url = settings.database_url.get_secret_value() if settings.database_url else None
    attachment_bytes = int(settings.attachments_mb * 1e6)
    try:
        return open_repository(database_url(settings.data_folder, url), attachment_bytes=attachment_bytes), None
    except StorageError as problem:
        _LOG.exception("conversations are kept in memory only")
        return open_repository(IN_MEMORY_URL, attachment_bytes=attachment_bytes), problem
