"""Words what the bot owes, and brings it to its address."""

import logging
from collections.abc import Mapping

from avatar.errors import DeliveryError, NotDelivered
from avatar.language import speaking
from avatar.records import Job, Notice, Version
from avatar.stores import Store
from bot.cards import notices, training
from bot.screen import Messenger

log = logging.getLogger(__name__)

NO_PLATFORM_SECONDS = 60.0  # it may not be reached yet


class BotHerald:
    """The `Herald` of the platforms that this process serves."""

    def __init__(self, store: Store, messengers: Mapping[str, Messenger]) -> None:
        self._store = store
        self._messengers = messengers

    async def bring(self, notice: Notice) -> None:
        """Raises Unreachable or NotDelivered."""
        messenger = self._messengers.get(notice.address.platform)
        if messenger is None:
            raise NotDelivered(
                retry_after=NO_PLATFORM_SECONDS,
                detail=f"{notice.address.platform} is not served by this process",
            )
        avatar = await self._store.avatar(notice.avatar_id)
        version = None
        if notice.version_id is not None:
            version = await self._store.version(notice.version_id)
        with speaking(await self._store.language(notice.address)):
            await messenger.send(notice.address, notices.notice(notice, avatar, version))

    async def show_progress(self, version: Version, job: Job) -> None:
        """Edit the progress message; a missed edit is made good by the next."""
        if job.address is None or job.progress_message_id is None:
            return
        messenger = self._messengers.get(job.address.platform)
        if messenger is None:
            return
        with speaking(await self._store.language(job.address)):
            content = training.progress(version, job)
        try:
            await messenger.edit(job.address, job.progress_message_id, content, quiet=True)
        except DeliveryError as error:
            log.debug("progress of version %s was not shown: %s", version.number, error.detail)
