"""Index of the runs that are kept on disk."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("page", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("first_token", sa.Double),
        sa.Column("tokens_per_second", sa.Double),
        sa.Column("tokens_in", sa.BigInteger),
        sa.Column("tokens_out", sa.BigInteger),
        sa.Column("is_exact", sa.Boolean, nullable=False),
        sa.Column("cost", sa.Double),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("findings", sa.BigInteger, nullable=False),
        sa.Column("worst_finding", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("is_shared", sa.Boolean, nullable=False),
        sa.Column("read_by_others", sa.Boolean, nullable=False),
        sa.Column("is_pinned", sa.Boolean, nullable=False),
        sa.Column("is_damaged", sa.Boolean, nullable=False),
        sa.Column("deleted_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("stop_requested_at", sa.Double),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
    )
    op.create_index("runs_of_owner", "runs", ["owner", "created_at", "id"])
    op.create_index("runs_of_folder", "runs", ["folder", "bytes"])
