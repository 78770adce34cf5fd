"""Run files: one compressed recording a run, written whole or not at all, with its row of the index in its header.

A file is gzip: `zcat` makes a recording of it. The index row is in gzip's extra field
(https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1.1), so that an index that has lost a run gets it back.
"""

import contextlib
import dataclasses
import gzip
import os
import re
import struct
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from weir.core import serialization
from weir.runs.memory_run import MemoryRun
from weir.runs.recording_file import jsonl_chunks, read_run
from weir.runs.recording_lines import RecordingError
from weir.runs.run import Run
from weir.storage.run_records import RunEntry

LEVEL = 1
"""Compression level. A recording shrinks to an eighteenth; at level 6 to a 23rd, in more than twice the time."""

OLD_SECONDS = 3_600.0
"""Age from which an unfinished file was left by a process that was killed."""

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_SUFFIX, _PRIVATE_SUFFIX, _UNFINISHED_SUFFIX = ".jsonl.gz", ".private", ".unfinished"
_FOLDER_ID = "folder-id"
_MAGIC = b"\x1f\x8b\x08\x04" + bytes(4) + b"\x00\xff"
"""Of a gzip file with an extra field, without a time, of an unknown system."""
_SUBFIELD = b"WR"
_MAX_EXTRA = 0xFFFF - 4
_FIELDS = frozenset(field.name for field in dataclasses.fields(RunEntry))


class DamagedFileError(Exception):
    """A file is not what was written: it was cut, or changed."""


class RunFiles:
    """The files of the ended runs, in one folder. Methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder_id(self) -> str:
        """Return the id of the folder; the first call makes the folder and the id."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / _FOLDER_ID
        with contextlib.suppress(FileExistsError):
            # Whole at once, for processes that start at the same time: the first link counts.
            draft = self._folder / f"{uuid.uuid4()}{_UNFINISHED_SUFFIX}"
            try:
                _write_file(draft, [str(uuid.uuid4()).encode()])
                os.link(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        return path.read_text(encoding="ascii").strip()

    def write(self, run: Run, entry: RunEntry) -> int:
        """Write the file of an ended run and return its size. A process that dies meanwhile leaves no file."""
        path = self._path(run.id)
        draft = path.with_name(f"{run.id}.{os.getpid()}{_UNFINISHED_SUFFIX}")
        try:
            size = _write_file(draft, _compressed(run, entry))
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        self._sync()
        return size

    def read(self, entry: RunEntry) -> MemoryRun:
        """Return the run of a file. Raises DamagedFileError, or OSError if the file is gone or cannot be read."""
        try:
            with gzip.open(self._path(entry.id), "rb") as lines:
                run = read_run(lines)
        except (gzip.BadGzipFile, EOFError, zlib.error, RecordingError) as error:
            raise DamagedFileError(entry.id) from error
        if run.id != entry.id or run.is_truncated:
            raise DamagedFileError(entry.id)
        run.owner, run.read_by_others = entry.owner, entry.read_by_others
        run.is_shared = entry.is_shared and not self.is_private(run.id)
        run.ended_at, run.stop_requested_at = entry.ended_at, entry.stop_requested_at
        return run

    def read_entry(self, run_id: str) -> RunEntry:
        """Return the row of the index from the header of a file. Raises DamagedFileError or OSError."""
        path = self._path(run_id)
        with path.open("rb") as file:
            head = file.read(len(_MAGIC) + 6)
            try:
                mark, size = head[len(_MAGIC) + 2 : len(_MAGIC) + 4], struct.unpack("<H", head[-2:])[0]
                values = serialization.loads(file.read(size))
                entry = RunEntry(**{key: value for key, value in values.items() if key in _FIELDS})
            except (ValueError, TypeError, AttributeError, struct.error):
                raise DamagedFileError(run_id) from None
        if not head.startswith(_MAGIC) or mark != _SUBFIELD or entry.id != run_id:
            raise DamagedFileError(run_id)
        is_shared = entry.is_shared and not self.is_private(run_id)
        return dataclasses.replace(entry, bytes=path.stat().st_size, is_shared=is_shared)

    def set_private(self, run_id: str, is_private: bool) -> None:
        """Mark a run as not shared, beside the index: a link that was taken back stays so if the index is lost."""
        if not is_private:
            self._private_path(run_id).unlink(missing_ok=True)
        elif self._path(run_id).exists():
            _write_file(self._private_path(run_id), [])
            self._sync()

    def is_private(self, run_id: str) -> bool:
        """Whether the run is marked as not shared."""
        return self._private_path(run_id).exists()

    def remove(self, run_id: str) -> None:
        """Remove a file; it may be gone."""
        self._path(run_id).unlink(missing_ok=True)
        self._private_path(run_id).unlink(missing_ok=True)

    def ids(self) -> set[str]:
        """Return the ids of all files, and remove what a process that was killed has left unfinished."""
        ids = set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    ids.add(entry.name.removesuffix(_SUFFIX))
                elif entry.name.endswith(_UNFINISHED_SUFFIX):
                    with contextlib.suppress(FileNotFoundError):
                        if time.time() - entry.stat().st_mtime > OLD_SECONDS:
                            os.unlink(entry.path)
        return {run_id for run_id in ids if _NAME.fullmatch(run_id)}

    def _path(self, run_id: str) -> Path:
        # Ids come from addresses too.
        if not _NAME.fullmatch(run_id):
            raise FileNotFoundError(run_id)
        return self._folder / f"{run_id}{_SUFFIX}"

    def _private_path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}{_PRIVATE_SUFFIX}"

    def _sync(self) -> None:
        """Have the names in the folder survive a power cut."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_file(path: Path, chunks: "Iterator[bytes] | list[bytes]") -> int:
    """Write a new file that is readable by Weir's user only, down to the disk. Return its size."""
    with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _compressed(run: Run, entry: RunEntry) -> Iterator[bytes]:
    """Yield the bytes of a file. The compression of a chunk lets other threads run."""
    extra = serialization.dumps(dataclasses.asdict(entry))
    if len(extra) > _MAX_EXTRA:
        extra = serialization.dumps(dataclasses.asdict(dataclasses.replace(entry, input="", search_text="")))
    yield _MAGIC + struct.pack("<H", len(extra) + 4) + _SUBFIELD + struct.pack("<H", len(extra)) + extra
    packer, checksum, size = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS), 0, 0
    for chunk in jsonl_chunks(run):
        checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
        yield packer.compress(chunk)
    yield packer.flush() + struct.pack("<II", checksum, size & 0xFFFFFFFF)
