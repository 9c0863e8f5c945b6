"""Which versions have a model.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TUNED = sa.text("fine_tuned_model_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_avatar_training_data_model",
        "avatar_training_data",
        ["fine_tuned_model_id"],
        sqlite_where=TUNED,
        postgresql_where=TUNED,
    )


def downgrade() -> None:
    op.drop_index("ix_avatar_training_data_model", "avatar_training_data")
