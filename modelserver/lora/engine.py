"""Fine-tuning of an open-weight model with LoRA, as an engine."""

import asyncio
import importlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from modelserver.disk import copy_folder
from modelserver.engine import Checkpoint, Ended, Order, Report, Said, Trained, Wish
from modelserver.errors import TrainingError, bad_request
from modelserver.lora import chat, process, recipe, task, weights
from modelserver.lora.chat import Speaker
from modelserver.lora.sampling import advised
from modelserver.lora.template import Template, Unfit
from modelserver.lora.vllm import Vllm


class Lora:
    """Fulfils `modelserver.engine.Engine`.

    `model` is a folder, or a name at the hub, of a model made for conversations; it is offered
    under its folder's name, or its name. `vllm` is the URL of a vLLM server that serves the same
    model and speaks in place of transformers: started with `--enable-lora` and
    `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`, reading the same disk, reached by nobody else.
    `adapters` is how many are kept in memory.
    """

    methods = ("supervised", "dpo")
    builds_on = True

    def __init__(
        self,
        model: str,
        *,
        vllm: str | None = None,
        adapters: int = chat.ADAPTERS,
        command: Sequence[str] = process.COMMAND,
    ) -> None:
        folder = Path(model)
        self._model = str(folder.resolve()) if folder.is_dir() else model
        self._name = folder.resolve().name if folder.is_dir() else model
        self._adapters = adapters
        self._command = command
        self._vllm = None if vllm is None else Vllm(vllm, self._name, adapters=adapters)
        self.at_once = 1
        self.context_tokens = 0
        self._gpus: asyncio.Queue[str]
        self._template: Template
        self._speaker: Speaker

    @property
    def base_models(self) -> tuple[str, ...]:
        return (self._name,)

    @property
    def rounds(self) -> Sequence[int]:
        """How many replies each of the last rounds of `chat` had."""
        return self._speaker.rounds

    @property
    def loaded(self) -> tuple[Path, ...]:
        """The adapters in memory, the one used longest ago first."""
        return self._speaker.loaded

    async def start(self) -> None:
        """Reads the model's tokenizer; its weights are read when the first reply is asked for."""
        await asyncio.to_thread(self._prepare)
        self._gpus = asyncio.Queue()
        for name in weights.gpu_names() or [""]:
            self._gpus.put_nowait(name)
        if self._vllm is not None:
            await self._vllm.start()

    def _prepare(self) -> None:
        weights.check_installed()
        self._template = weights.template(self._model)
        self.context_tokens = weights.context_tokens(self._model)
        self.at_once = max(1, weights.gpus())
        tokenizer = weights.tokenizer(self._model)
        self._speaker = Speaker(
            self._load,
            lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
            stops=self._template.stops,
            usual=advised(weights.generation_config(self._model)),
            context=self.context_tokens,
            adapters=self._adapters,
        )

    def _load(self) -> object:
        model = weights.base(self._model, quantised=weights.must_be_quantised(self._model))
        model.eval()
        # The makers' advice is in `advised`; left here, it would be mixed into every reply.
        model.generation_config = importlib.import_module("transformers").GenerationConfig()
        return model

    async def close(self) -> None:
        await asyncio.to_thread(self._speaker.close)
        if self._vllm is not None:
            await self._vllm.close()

    def batch_size(self, examples: int) -> int:
        return recipe.batch_size(examples)

    def tokens(self, text: str) -> int:
        return self._template.tokens(text)

    async def train(self, order: Order, report: Report) -> Trained:
        """In a process of its own, on a GPU of its own where there is one."""
        work = task.Work(order.work)
        done = await asyncio.to_thread(work.done)
        if done is None:
            rate = recipe.learning_rate(order.method, order.learning_rate_multiplier)
            await asyncio.to_thread(work.put_task, task.of_order(order, self._model, rate))
            gpu = await self._gpus.get()  # as many as there are trainings at once
            try:
                await process.train(
                    work,
                    report,
                    first_step=order.first_step,
                    environment={"CUDA_VISIBLE_DEVICES": gpu} if gpu else {},
                    command=self._command,
                )
            finally:
                self._gpus.put_nowait(gpu)
            done = await asyncio.to_thread(work.done)
            if done is None:  # it was asked to save and end, by somebody else than us
                raise TrainingError("server_error", "The training was ended from outside.", None)
        *earlier, (last, _) = done.epochs
        await asyncio.to_thread(copy_folder, work.epochs / last, order.folder)
        return Trained(
            tokens=done.tokens,
            checkpoints=tuple(
                Checkpoint(step=metrics.step, folder=work.epochs / name, metrics=metrics)
                for name, metrics in earlier
            ),
            files=(work.zip,),
        )

    async def reply(
        self, folder: Path | None, messages: Sequence[Said], wish: Wish
    ) -> AsyncGenerator[str | Ended, None]:
        """By vLLM where there is one, by transformers otherwise."""
        if self._vllm is not None:
            async with aclosing(self._vllm.reply(folder, messages, wish)) as told:
                async for piece in told:
                    yield piece
            return
        try:
            prompt = await asyncio.to_thread(self._template.prompt, messages)
        except Unfit as unfit:
            raise bad_request(
                f"This conversation cannot be answered: {unfit}.", "messages"
            ) from None
        if len(prompt) >= self.context_tokens:
            raise bad_request(
                f"This model's maximum context length is {self.context_tokens} tokens. "
                f"However, your messages resulted in {len(prompt)} tokens.",
                "messages",
                "context_length_exceeded",
            )
        async with aclosing(self._speaker.reply(folder, prompt, wish)) as spoken:
            async for piece in spoken:
                yield piece

    async def forget(self, folder: Path) -> None:
        """Not kept in memory any longer."""
        self._speaker.forget(folder)
        if self._vllm is not None:
            await self._vllm.forget(folder)
