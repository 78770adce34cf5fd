"""Stored conversations, their messages, and visitors' feedback. `docs/storage.md` describes the storage."""
