"""Bots of avatars, and accounts of people that avatars answer for.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bots",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("avatar_id", _ID, nullable=False),
        sa.Column("person_id", _ID),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("external_id", sa.String(64)),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("token", sa.Text()),
        sa.Column("stopped_at", _MOMENT),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("dressed", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bots")),
        sa.ForeignKeyConstraint(
            ["avatar_id"],
            ["avatars.id"],
            name=op.f("fk_bots_avatar_id_avatars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_bots_person_id_people")
        ),
        sa.UniqueConstraint("platform", "avatar_id", name=op.f("uq_bots_platform_avatar_id")),
        sa.UniqueConstraint("external_id", "platform", name=op.f("uq_bots_external_id_platform")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_bots_person_id_asked_at"), "bots", ["person_id", "asked_at"])
    op.create_index(op.f("ix_bots_avatar_id"), "bots", ["avatar_id"])
    op.create_table(
        "accounts",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("bot", sa.String(64), nullable=False),
        sa.Column("connection", sa.String(64), nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("avatar_id", _ID, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("can_reply", sa.Boolean(), nullable=False),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.Column("begins", sa.Integer()),
        sa.Column("ends", sa.Integer()),
        sa.Column("zone", sa.Integer()),
        sa.Column("strangers_only", sa.Boolean(), nullable=False),
        sa.Column("honesty", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_accounts_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["avatar_id"],
            ["avatars.id"],
            name=op.f("fk_accounts_avatar_id_avatars"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "person_id", "platform", "bot", name=op.f("uq_accounts_person_id_platform_bot")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_accounts_connection_platform_bot"), "accounts", ["connection", "platform", "bot"]
    )
    op.create_index(op.f("ix_accounts_avatar_id"), "accounts", ["avatar_id"])
    op.create_table(
        "account_chats",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("chat", sa.String(64), nullable=False),
        sa.Column("owner_wrote_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_chats")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_account_chats_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("account_id", "chat", name=op.f("uq_account_chats_account_id_chat")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_account_chats_chat"), "account_chats", ["chat"])


def downgrade() -> None:
    for table in ("account_chats", "accounts", "bots"):
        op.drop_table(table)
