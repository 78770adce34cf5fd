"""The program that has sent a run."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("program", "program_id"):
        op.add_column("runs", sa.Column(name, sa.Text))
