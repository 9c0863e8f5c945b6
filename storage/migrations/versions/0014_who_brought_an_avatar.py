"""Which groups an owner brought an avatar into, and which were told that it is private.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("brought", "told_private"):
        op.add_column(
            "chats", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        )
    # Who chose was not written down: where an owner talks with a private avatar, they let it in.
    op.execute(
        "UPDATE chats SET brought = true WHERE id IN ("
        "SELECT chats.id FROM avatars "
        "JOIN avatar_owners ON avatar_owners.avatar_id = avatars.id "
        "JOIN messages ON messages.person_id = avatar_owners.person_id "
        "AND messages.avatar_id = avatars.id "
        "JOIN chats ON chats.id = messages.chat_id AND chats.avatar_id = avatars.id "
        "WHERE avatars.visibility = 'private')"
    )


def downgrade() -> None:
    for name in ("brought", "told_private"):
        op.drop_column("chats", name)
