"""The ends of models.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TUNED = sa.text("fine_tuned_model_id IS NOT NULL AND deleted_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("vanished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("provider", "model", name=op.f("uq_models_provider_model")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_avatar_training_data_tuned",
        "avatar_training_data",
        ["id"],
        sqlite_where=_TUNED,
        postgresql_where=_TUNED,
    )


def downgrade() -> None:
    op.drop_index("ix_avatar_training_data_tuned", table_name="avatar_training_data")
    op.drop_table("models")
