"""Keeping of a command's runs in the app's archive, so that they are in the list of its Inspector.

It is imported when the answer is there: the database takes longer to import than the rest of a command.
"""

from collections.abc import Iterable

from weir.access.caller import LOCAL_PROGRAMS
from weir.archive.archive_writer import ArchiveProblem, ArchiveWriter
from weir.archive.run_archive import FOLDER
from weir.archive.run_files import RunFiles
from weir.config.settings import Settings
from weir.runs.run import Run
from weir.storage.database import create_database_engine, database_url
from weir.storage.run_index import RunIndex
from weir.storage.storage_errors import StorageError

_CAUSES = {
    ArchiveProblem.FULL: "the disk is full",
    ArchiveProblem.READ_ONLY: "Weir cannot write to its data folder",
    ArchiveProblem.OTHER: "its file cannot be written",
}


def keep_runs(runs: Iterable[Run], configured: Settings) -> str:
    """Write runs that have ended into the archive. Return why the app does not list them, in a sentence; else "".

    The app may be running and write at the same time: SQLite has one wait for the other, and a file is whole or not
    there. A file whose row of the index cannot be written gets it when the app starts.
    """
    url = configured.database_url.get_secret_value() if configured.database_url else None
    try:
        engine = create_database_engine(database_url(configured.data_folder, url))
        try:
            files = RunFiles(configured.data_folder / FOLDER)
            writer = ArchiveWriter(
                RunIndex(engine, files.folder_id()),
                files,
                budget=int(configured.keep_mb * 1e6),
                cost=configured.answer_cost,
            )
            for run in runs:
                run.owner = LOCAL_PROGRAMS[0]
                writer.write(run)
        finally:
            engine.dispose()
    except StorageError:
        return "The app lists this run after its next start: its database cannot be written to now."
    except OSError as error:
        return f"The app does not list this run: {_CAUSES[ArchiveProblem.of(error)]}."
    return ""
