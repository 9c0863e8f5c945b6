"""The tables of bots that belong to avatars, and of people's own accounts."""

import sqlalchemy as sa

from storage.columns import AUTO, Line, Moment, Words, id_, metadata, ref

# Bots that belong to one avatar, and wishes for one (without an external_id).
bots = sa.Table(
    "bots",
    metadata,
    id_(),
    sa.Column("platform", sa.String(16), nullable=False),
    ref("avatar_id", "avatars", cascade=True),
    ref("person_id", "people", nullable=True),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("external_id", Line(64)),
    sa.Column("username", Line(64), nullable=False),
    sa.Column("token", sa.Text),  # sealed
    sa.Column("stopped_at", Moment),
    sa.Column("trouble", Words(), nullable=False),
    sa.Column("dressed", sa.String(64), nullable=False),
    sa.UniqueConstraint("platform", "avatar_id"),
    sa.UniqueConstraint("external_id", "platform"),
    sa.Index(None, "person_id", "asked_at"),
    sa.Index(None, "avatar_id"),
    **AUTO,
)

# People's own accounts, in whose chats an avatar answers for them.
accounts = sa.Table(
    "accounts",
    metadata,
    id_(),
    sa.Column("platform", sa.String(16), nullable=False),
    sa.Column("bot", sa.String(64), nullable=False),
    sa.Column("connection", Line(64), nullable=False),
    ref("person_id", "people", cascade=True),
    ref("avatar_id", "avatars", cascade=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("can_reply", sa.Boolean, nullable=False),
    sa.Column("away", sa.Boolean, nullable=False),
    sa.Column("begins", sa.Integer),  # minutes from midnight
    sa.Column("ends", sa.Integer),
    sa.Column("zone", sa.Integer),  # minutes east of UTC
    sa.Column("strangers_only", sa.Boolean, nullable=False),
    sa.Column("honesty", Words()),
    sa.UniqueConstraint("person_id", "platform", "bot"),
    sa.Index(None, "connection", "platform", "bot"),
    sa.Index(None, "avatar_id"),
    **AUTO,
)

# In which of their chats the owner wrote themselves.
account_chats = sa.Table(
    "account_chats",
    metadata,
    id_(),
    ref("account_id", "accounts", cascade=True),
    sa.Column("chat", Line(64), nullable=False),
    sa.Column("owner_wrote_at", Moment, nullable=False),
    sa.UniqueConstraint("account_id", "chat"),
    sa.Index(None, "chat"),
    **AUTO,
)
