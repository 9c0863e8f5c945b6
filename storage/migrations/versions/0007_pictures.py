"""Pictures of avatars.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("avatars", sa.Column("picture", sa.String(16), nullable=True))
    op.create_table(
        "pictures",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["avatar_id"],
            ["avatars.id"],
            name="fk_pictures_avatar_id_avatars",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("avatar_id", name="uq_pictures_avatar_id"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("pictures")
    op.drop_column("avatars", "picture")
