"""Presets: named sets of options of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "presets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("visitor", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.Double),
        sa.Column("options", sa.JSON, nullable=False),
    )
    op.create_index("presets_of_visitor", "presets", ["visitor", "name"])
