"""Everything that can go wrong and that a person should read about.

    AvatarError
    ├── Invalid                what was sent cannot be used
    │   ├── BadNumber
    │   ├── BadText
    │   └── BadDataset
    ├── NotFound               what was named does not exist
    │   ├── AvatarNotFound
    │   ├── VersionNotFound
    │   ├── VersionDeleted
    │   └── MessageNotFound
    ├── Refused                it exists, and the answer is no
    │   ├── NotAllowed
    │   ├── AlreadyActive
    │   ├── NotActivatable
    │   ├── WrongKind
    │   ├── NothingToUndo
    │   ├── NotTraining
    │   ├── Expired
    │   ├── AlreadyDone
    │   ├── NotYours
    │   ├── NoTrainer
    │   ├── CannotSee
    │   ├── CannotHear
    │   ├── CannotSpeak
    │   ├── ReadingStopped
    │   ├── Busy
    │   ├── Barred
    │   ├── NotAdministering
    │   ├── SamePlatform
    │   ├── TooMany
    │   ├── TooFast
    │   └── SpentUp
    ├── ProviderError          the provider did not do it
    │   ├── ProviderUnavailable    (temporary)
    │   │   └── CertificateRefused
    │   ├── Overloaded             (temporary)
    │   ├── QuotaExceeded
    │   ├── WrongKey
    │   ├── ModelGone
    │   ├── ContextTooLong
    │   ├── TrainingClosed
    │   ├── RemoteNotFound
    │   ├── EmptyReply
    │   ├── NotOffered
    │   └── RequestRefused
    ├── DeliveryError          a platform did not take a message
    │   ├── Unreachable            (permanent)
    │   └── NotDelivered           (temporary)
    └── StoreFailed            the database did not do it (temporary)

The docstring of a class is the sentence people read; `{name}` in it is filled from the keyword
arguments. The sentence says what happened and what to do next. Details for the log go into
`detail`, which nobody but the operator sees.
"""

import inspect

from avatar.language import tr


class AvatarError(Exception):
    """Something went wrong. Please try again."""

    temporary = False  # True: the same call may succeed later

    def __init__(self, *, detail: str = "", **fields: object) -> None:
        self.detail = detail
        self.fields = fields
        super().__init__(self._template.format(**fields))

    @property
    def sentence(self) -> str:
        """What a person reads, in their language."""
        return tr(self._template, **self.fields)

    @property
    def _template(self) -> str:
        return " ".join((inspect.getdoc(type(self)) or "").split())


class Invalid(AvatarError):
    """That cannot be used: {reason}"""


class BadNumber(Invalid):
    """I cannot read "{given}" as a version's number. Numbers are 1, 2, 3…; /history lists them."""


class BadText(Invalid):
    """{reason}"""


class BadDataset(Invalid):
    """The file cannot be trained on:
    {faults}
    """

    def __init__(self, *, faults: tuple[str, ...], more: int = 0, detail: str = "") -> None:
        self.faults = faults  # each names its line
        self.more = more  # faults beyond those listed
        super().__init__(detail=detail, faults="; ".join(faults), more=more)


class NotFound(AvatarError):
    """That does not exist."""


class AvatarNotFound(NotFound):
    """There is no avatar called "{slug}". /avatars lists those you can talk to."""


class VersionNotFound(NotFound):
    """There is no version {number}. /history lists what there is."""


class VersionDeleted(NotFound):
    """Version {number} was deleted on {date}. /history lists what there is."""


class MessageNotFound(NotFound):
    """I have no record of that message. Answer one of the avatar's replies with this command."""


class Refused(AvatarError):
    """That is not possible: {reason}"""


class NotAllowed(Refused):
    """Only owners of {avatar} can do that."""


class AlreadyActive(Refused):
    """{what} is already active. Nothing was changed."""


class NotActivatable(Refused):
    """Version {number} cannot be activated: {reason}"""


class WrongKind(Refused):
    """{reason}"""


class NothingToUndo(Refused):
    """There is nothing to take back: {reason}"""


class NotTraining(Refused):
    """Version {number} is not training (it is {status}). There is nothing to cancel."""


class Expired(Refused):
    """That question is no longer open. Please ask again with {command}."""


class ReadingStopped(Refused):
    """Stopped: nothing of {name} was kept. Send it again with /train when you want it after all."""


class AlreadyDone(Refused):
    """That has been done already. {what}"""


class NotYours(Refused):
    """Only the person who asked that question can answer it."""


class NoTrainer(Refused):
    """No provider that is set up here trains models. The operator adds one in providers.toml."""


class CannotSee(Refused):
    """The model that answers here cannot see pictures. Please write what it is about."""


class CannotHear(Refused):
    """I cannot listen to voice messages here: no provider that is set up turns speech into text.
    Please write it to me.
    """


class CannotSpeak(Refused):
    """No provider that is set up here can speak, so answers stay in writing. The operator adds one
    in providers.toml.
    """


class Busy(Refused):
    """Somebody else changed the same thing at the same moment. Look with /status and try again."""


class Barred(Refused):
    """You cannot talk to {avatar}: an owner has blocked you. /avatars lists whom else there is."""


class NotAdministering(Refused):
    """Only who runs this group can do that: its administrators, or a role that they named."""


class SamePlatform(Refused):
    """Both accounts are on the same platform. /link joins accounts of different ones."""


class TooMany(Refused):
    """That was tried too often. Please wait {minutes} minutes and try again."""


class TooFast(Refused):
    """That was a lot in one minute. Please write again in {seconds} seconds."""


class SpentUp(Refused):
    """{what} Please come back {when}."""


class ProviderError(AvatarError):
    """The model's provider reported an error. Please try again; if it stays, tell an owner."""


class ProviderUnavailable(ProviderError):
    """The model's provider cannot be reached right now. Please try again in a minute."""

    temporary = True


class CertificateRefused(ProviderUnavailable):
    """The certificate of the model's provider is not accepted ({reason}), so nothing was sent to
    it. Please tell an owner: its operator has to look, and then it works again by itself.
    """


class Overloaded(ProviderError):
    """The model's provider is overloaded right now. Please try again in a minute."""

    temporary = True


class QuotaExceeded(ProviderError):
    """The account at the model's provider has no credit left. Its operator has to top it up."""


class WrongKey(ProviderError):
    """The model's provider does not accept our key. The operator has to check it."""


class ModelGone(ProviderError):
    """The model {model} does not exist at its provider any more, or our key may not use it."""


class ContextTooLong(ProviderError):
    """This conversation is too long for the model. /new starts afresh."""


class TrainingClosed(ProviderError):
    """The provider no longer lets this account train models. Nothing was charged."""


class RemoteNotFound(ProviderError):
    """The provider does not know that any more."""


class EmptyReply(ProviderError):
    """The model gave an empty reply. Please ask again, or put it in other words."""


class NotOffered(ProviderError):
    """The provider does not offer that: {what}"""


class RequestRefused(ProviderError):
    """The model's provider refused the request: {reason}"""


class DeliveryError(AvatarError):
    """The message could not be delivered."""


class Unreachable(DeliveryError):
    """That chat cannot be written to any more."""


class NotDelivered(DeliveryError):
    """The message could not be delivered yet."""

    temporary = True

    def __init__(
        self, *, retry_after: float | None = None, perhaps: bool = False, detail: str = ""
    ) -> None:
        self.retry_after = retry_after  # seconds, where the platform says
        self.perhaps = perhaps  # it may have arrived: the answer to our call got lost
        super().__init__(detail=detail)


class StoreFailed(AvatarError):
    """I cannot write anything down right now. Please try again in some minutes."""

    temporary = True
