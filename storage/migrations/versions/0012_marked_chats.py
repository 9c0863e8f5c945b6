"""The chats of an export that are marked, to be learnt from.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("imports", sa.Column("marked", JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("imports", "marked")
