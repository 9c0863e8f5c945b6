"""How tokens were counted, examples that are left out, what an export was seen to hold, screening.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("training_drafts", sa.Column("counted_with", sa.String(32), nullable=True))
    op.add_column(
        "training_drafts", sa.Column("left_out", JSON, nullable=False, server_default="{}")
    )
    op.add_column(
        "training_examples",
        sa.Column("messages", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("training_examples", sa.Column("left_out", sa.String(128), nullable=True))
    op.add_column("training_examples", sa.Column("people", JSON, nullable=True))
    op.add_column("imports", sa.Column("overview", JSON, nullable=True))
    op.create_index("ix_imports_person_id", "imports", ["person_id"])
    op.add_column("avatar_training_data", sa.Column("screening", JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("avatar_training_data", "screening")
    op.drop_index("ix_imports_person_id", "imports")
    op.drop_column("imports", "overview")
    with op.batch_alter_table("training_examples") as batch:
        batch.drop_column("people")
        batch.drop_column("left_out")
        batch.drop_column("messages")
    with op.batch_alter_table("training_drafts") as batch:
        batch.drop_column("left_out")
        batch.drop_column("counted_with")
