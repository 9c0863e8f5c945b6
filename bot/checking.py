"""`python -m bot check`: asks every provider what works, and says what to do."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import cast

from avatar.errors import ProviderError
from avatar.ports import ChatModel, ChatRequest, Trainer
from avatar.providers import Provider, Providers
from avatar.records import RemoteModel, Role, Turn

ASKED = (Turn(role=Role.USER, text="Say: ok"),)
ENOUGH_TOKENS = 16  # of the one reply that is asked for


async def check(
    providers: Providers,
    *,
    chats: Mapping[str, ChatModel],
    trainers: Mapping[str, Trainer],
    keys: Mapping[str, str],
) -> AsyncIterator[tuple[str, bool]]:
    """Lines for the operator, each with whether it is good."""
    for provider in providers.values():
        where = provider.base_url or "in this process"
        default = ", where new avatars begin" if provider is providers.default else ""
        yield f"{provider.label} ({provider.name}, {where}){default}", True
        if provider.key is not None:
            if provider.name in keys:
                yield f"  key: {provider.key} is set", True
            else:
                yield f"  key: {provider.key} is not set; put it into .env", False
        models: tuple[RemoteModel, ...] = ()
        try:
            models = await trainers[provider.name].models()
            yield f"  models: {len(models)} listed", True
        except ProviderError as error:
            yield f"  models: {error.sentence}", False
        async for line in _endings(provider, providers, models):
            yield line
        yield await _chat(provider, providers, chats[provider.name])
        async for line in _training(provider, trainers[provider.name]):
            yield line


def _base(provider: Provider, providers: Providers) -> str:
    if provider is providers.default:
        return providers.base_model
    return provider.base_model or ""


async def _endings(
    provider: Provider, providers: Providers, models: tuple[RemoteModel, ...]
) -> AsyncIterator[tuple[str, bool]]:
    used = dict.fromkeys([_base(provider, providers), *provider.trains])
    names = {model.id for model in models}
    for model in models:
        if model.id in used and model.ends_on is not None:
            follows = provider.successor(model.id)
            advice = f"; {follows} follows it" if follows else ""
            yield f"  {model.id} ends {model.ends_on:%d %b %Y}{advice}", False
    for name in used:
        if models and name not in names:
            yield f"  {name} is not in its list; check the name", False


async def _chat(provider: Provider, providers: Providers, chat: ChatModel) -> tuple[str, bool]:
    model = _base(provider, providers)
    request = ChatRequest(
        model=model, turns=ASKED, reply_tokens=ENOUGH_TOKENS, reasons=provider.reasons(model)
    )
    try:
        async with aclosing(cast("AsyncGenerator[object]", chat.stream(request))) as pieces:
            async for _ in pieces:
                pass
    except ProviderError as error:
        return f"  chat with {model}: {error.sentence}", False
    return f"  chat with {model}: works", True


async def _training(provider: Provider, trainer: Trainer) -> AsyncIterator[tuple[str, bool]]:
    if not provider.trains:
        yield "  training: not here", True
    for model in provider.trains:
        try:
            allowed = await trainer.may_train(model)
        except ProviderError as error:
            yield f"  training {model}: {error.sentence}", False
            continue
        if allowed:
            yield f"  training {model}: allowed", True
        else:
            yield (
                f"  training {model}: closed to this account (training_not_available). Train at "
                "another provider: providers.toml.example shows how to add one",
                False,
            )
