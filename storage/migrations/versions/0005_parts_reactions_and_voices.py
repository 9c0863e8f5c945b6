"""Messages that are one turn, reactions, voices.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.add_column("avatars", sa.Column("voice", sa.String(64), nullable=True))
    op.add_column("incoming", sa.Column("place", sa.String(160), nullable=False, server_default=""))
    op.add_column("incoming", sa.Column("joined_to", ID, nullable=True))
    op.create_index(
        "ix_incoming_place_waiting",
        "incoming",
        ["platform", "bot", "place", "id"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.add_column("message_refs", sa.Column("part", sa.Text(), nullable=True))
    op.add_column(
        "message_refs", sa.Column("asks", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("taught", sa.Column("reply_id", ID, nullable=True))
    op.add_column(
        "taught", sa.Column("liked", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_taught_reply_id", "taught", ["reply_id"])


def downgrade() -> None:
    op.drop_index("ix_taught_reply_id", "taught")
    op.drop_index("ix_incoming_place_waiting", "incoming")
    for table, names in (
        ("taught", ("liked", "reply_id")),
        ("message_refs", ("asks", "part")),
        ("incoming", ("joined_to", "place")),
        ("avatars", ("voice",)),
    ):
        for name in names:
            op.drop_column(table, name)
