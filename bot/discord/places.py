"""Where messages go: what an `Address` and a message's id mean on Discord.

A direct message: `chat` is its channel. A server: `chat` is the server and `thread` the channel (or
Discord's thread, which is a channel of its own). Aside in a server, to one person: `thread` is
`channel@person`; that goes by direct message, or, if they take none, into the channel with their
name. An id of a message sent aside names its channel: `channel/message`.
"""

from dataclasses import dataclass, replace

from avatar.records import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An address, taken apart."""

    channel: int
    private: bool
    person: int | None = None  # set: aside


def place_of(address: Address) -> Place:
    """The place that an address names."""
    if not address.thread:
        return Place(channel=int(address.chat), private=True)
    channel, _, person = address.thread.partition("@")
    return Place(channel=int(channel), private=False, person=int(person) if person else None)


def aside(address: Address, person: str) -> Address:
    """Where a person of a server is told what is for them alone."""
    if not address.thread or "@" in address.thread:
        return address
    return replace(address, thread=f"{address.thread}@{person}")


def message_at(place: Place, message_id: str) -> tuple[int, int]:
    """Channel and number of a message that was sent to a place."""
    channel, slash, message = message_id.partition("/")
    return (int(channel), int(message)) if slash else (place.channel, int(channel))


def stands(address: Address, message_id: str) -> tuple[Address, str]:
    """Where a message stands that was sent to an address: the address of the channel that its id
    names, and its number.
    """
    channel, slash, message = message_id.partition("/")
    if not slash:
        return address, message_id
    if int(channel) == place_of(address).channel:
        return replace(address, thread=channel), message
    return replace(address, chat=channel, thread=""), message
