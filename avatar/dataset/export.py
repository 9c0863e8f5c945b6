"""A chat export: what there is to choose from, and its messages."""

from collections.abc import Callable, Collection, Iterator

from avatar.dataset.overview import Count, Overview
from avatar.dataset.said import Heading, Progress, Said
from avatar.dataset.watch import Watch

Read = Callable[[Progress | None], Iterator[Said | Heading]]


class Export:
    """A chat export that was recognised; its file is read again with each call.

    Everything here blocks and belongs in a thread. Raises BadDataset where the file is broken.
    """

    def __init__(self, *, form: str, source: str, read: Read, ignored: tuple[str, ...]) -> None:
        self.form = form  # the format's name
        self.source = source  # the file's name, safe to show
        self._read = read
        self._ignored = ignored

    def overview(self, watch: Watch | None = None) -> Overview:
        """Chats, speakers and how much there is of each."""
        count = Count()
        add = count.add

        def progress(done: int, total: int) -> None:
            if watch is not None:
                watch.messages = count.messages
                watch.at(done, total)

        for item in self._read(progress if watch is not None else None):
            add(item)
        if watch is not None:
            watch.messages = count.messages
        return count.overview(form=self.form, ignored=self._ignored)

    def messages(
        self, chats: Collection[str] | None = None, progress: Progress | None = None
    ) -> Iterator[Said]:
        """The messages of the chats (None: of all), those of one chat together, as they stand in
        the file.
        """
        for item in self._read(progress):
            if isinstance(item, Said) and (chats is None or item.chat in chats):
                yield item
