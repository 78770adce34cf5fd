"""Alembic migrations of the tables, one revision after the other."""
