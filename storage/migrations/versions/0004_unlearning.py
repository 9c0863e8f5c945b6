"""Unlearning.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("avatar_training_data", sa.Column("unlearnt_at", moment, nullable=True))
    op.add_column("confirmations", sa.Column("about", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("avatar_training_data", "unlearnt_at")
    op.drop_column("confirmations", "about")
