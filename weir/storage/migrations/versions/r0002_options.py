"""Options of a conversation: its system prompt and the parameters of its model."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("options", sa.JSON))
