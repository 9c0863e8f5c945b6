"""Chat exports and teaching.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)
MOMENT = sa.DateTime(timezone=True)


def _ref(table: str, name: str, target: str, *, cascade: bool) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [name],
        [f"{target}.id"],
        name=op.f(f"fk_{table}_{name}_{target}"),
        ondelete="CASCADE" if cascade else None,
    )


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("address", JSON, nullable=False),
        sa.Column("attachment", JSON, nullable=False),
        sa.Column("format", sa.String(64), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("speakers", JSON, nullable=False),
        sa.Column("chats", JSON, nullable=False),
        sa.Column("chat_count", sa.Integer(), nullable=False),
        sa.Column("speaker", sa.Text(), nullable=True),
        sa.Column("chosen", JSON, nullable=True),
        sa.Column("rules", JSON, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        _ref("imports", "avatar_id", "avatars", cascade=True),
        _ref("imports", "person_id", "people", cascade=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_imports_expires_at", "imports", ["expires_at"])
    op.create_table(
        "taught",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("turns", JSON, nullable=False),
        sa.Column("better", sa.Text(), nullable=False),
        sa.Column("worse", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("cause", ID, nullable=True),
        _ref("taught", "avatar_id", "avatars", cascade=True),
        _ref("taught", "person_id", "people", cascade=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taught")),
        sa.UniqueConstraint("cause", name=op.f("uq_taught_cause")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_taught_avatar_id_id", "taught", ["avatar_id", "id"])
    op.add_column("training_drafts", sa.Column("import_id", ID, nullable=True))
    op.add_column("training_drafts", sa.Column("report", JSON, nullable=True))
    for table in ("training_drafts", "avatar_training_data"):
        op.add_column(
            table,
            sa.Column("method", sa.String(16), nullable=False, server_default="supervised"),
        )
    op.add_column("training_examples", sa.Column("rejected", sa.Text(), nullable=True))
    op.add_column(
        "training_examples",
        sa.Column("held_out", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    with op.batch_alter_table("training_examples") as batch:
        batch.drop_column("held_out")
        batch.drop_column("rejected")
    op.drop_column("avatar_training_data", "method")
    with op.batch_alter_table("training_drafts") as batch:
        batch.drop_column("method")
        batch.drop_column("report")
        batch.drop_column("import_id")
    op.drop_table("taught")
    op.drop_table("imports")
