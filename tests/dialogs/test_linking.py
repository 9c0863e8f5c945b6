"""One person on Telegram and on Discord: a code from one, typed on the other."""

from pathlib import Path

from tests.dialogs.stage import both_platforms
from tests.standins.discord_api import DiscordStandIn
from tests.standins.telegram_api import ANN, BEN, TelegramStandIn


class Both:
    """Ann on two platforms, and what she reads there."""

    def __init__(self, telegram: TelegramStandIn, discord: DiscordStandIn) -> None:
        self.telegram = telegram
        self.discord = discord

    async def on_telegram(self, text: str, expected: str, *, user: int = ANN) -> str:
        before = set(self.telegram.messages(user))
        if text.startswith("["):
            self.telegram.press(text.strip("[]"), chat=user)
        else:
            self.telegram.say(text, chat=user)

        def news() -> str:
            found = self.telegram.messages(user).items()
            return "\n".join(m.text for id_, m in found if id_ not in before or text[0] == "[")

        await self.telegram.until(lambda: expected in news())
        return news()

    async def on_discord(self, command: str, expected: str, **values: str | int) -> str:
        before = len(self.discord.shown())
        self.discord.slash(command, values)

        def news() -> str:
            return "\n".join(m.text for m in self.discord.shown()[before:])

        await self.discord.until(lambda: expected in news())
        return news()


def code_in(shown: str) -> str:
    return shown.partition("/link ")[2].split()[0].strip("`")


async def test_joined_and_parted(tmp_path: Path) -> None:
    async with both_platforms(tmp_path) as (telegram, discord):
        ann = Both(telegram, discord)
        await ann.on_discord("newavatar", "is there and yours", name="Demo")
        await ann.on_telegram("/start demo", "talking to Demo")
        await ann.on_telegram("/history", "no command /history")
        code = code_in(await ann.on_discord("link", "within ten"))
        # Somebody else who does not say yes is not joined, and the code is used up.
        await ann.on_telegram(f"/link {code}", "Join this account with Ann", user=BEN)
        await ann.on_telegram("[No]", "Nothing was changed", user=BEN)
        await ann.on_telegram(f"/link {code}", "not right")
        code = code_in(await ann.on_discord("link", "within ten"))
        await ann.on_telegram(f"/link {code.lower()}", "Join this account")
        await ann.on_telegram("[Join them]", "You are one person now")
        await ann.on_telegram("/history", "no versions yet")
        await ann.on_telegram("/prompt You are X.", "Version 1")
        # A training is told of where it was asked for.
        await ann.on_discord("owners", "Owners of Demo")
        await ann.on_telegram("/history", "1 · Prompt update", user=ANN)
        await ann.on_telegram("/history", "no command", user=BEN)
        await ann.on_telegram("/unlink", "Part your accounts?")
        await ann.on_telegram("[Part them]", "Your accounts are parted")
        await ann.on_telegram("/history", "no command /history")
