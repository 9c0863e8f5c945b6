"""Loading models: on which device, in which precision, and whether they fit."""

import importlib
import importlib.util
import os
from typing import Any

from modelserver.errors import EngineFault
from modelserver.lora import recipe
from modelserver.lora.template import NoTemplate, Template

LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")
ROOM = 0.9  # of the free memory of a GPU: what may be planned for


def check_installed() -> None:
    """Raises EngineFault."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineFault(
            f"the engine lora needs {', '.join(missing)}: pip install {' '.join(missing)}"
        )


def gpus() -> int:
    return int(importlib.import_module("torch").cuda.device_count())


def gpu_names() -> list[str]:
    """What `CUDA_VISIBLE_DEVICES` of another process has to be to give it one of ours."""
    ours = os.environ.get("CUDA_VISIBLE_DEVICES")
    return ours.split(",")[: gpus()] if ours else [str(number) for number in range(gpus())]


def device() -> str:
    return "cuda" if gpus() else "cpu"


def half_precision() -> str | None:
    """What torch calls the better one that the GPU knows; None on a CPU, which is slow with it."""
    if device() == "cpu":
        return None
    known = importlib.import_module("torch").cuda.is_bf16_supported()
    return "bfloat16" if known else "float16"


def tokenizer(model: str) -> Any:
    return importlib.import_module("transformers").AutoTokenizer.from_pretrained(model)


def generation_config(model: str) -> Any:
    """What a model's makers advise; their defaults when they say nothing."""
    transformers = importlib.import_module("transformers")
    try:
        return transformers.GenerationConfig.from_pretrained(model)
    except OSError:  # there is no such file
        return transformers.GenerationConfig()


def template(model: str) -> Template:
    """Raises EngineFault for what cannot be read, or has no chat template."""
    try:
        stops = generation_config(model).eos_token_id
        ends = stops if isinstance(stops, list) else [] if stops is None else [stops]
        return Template(tokenizer(model), ends)
    except NoTemplate:
        raise EngineFault(
            f"the model {model} has no chat template: it was not made for conversations; "
            "take its variant for chat, often called instruct"
        ) from None
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise EngineFault(f"the model {model} cannot be read: {said}") from error


def context_tokens(model: str) -> int:
    config = importlib.import_module("transformers").AutoConfig.from_pretrained(model)
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 4_096)


def parameters(model: str) -> int:
    """How many a model has; its weights are not read."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(model)
    with torch.device("meta"):
        shape = transformers.AutoModelForCausalLM.from_config(config)
    return int(sum(weight.numel() for weight in shape.parameters()))


def can_quantise() -> bool:
    return device() == "cuda" and importlib.util.find_spec("bitsandbytes") is not None


def must_be_quantised(model: str) -> bool:
    """Whether a training fits the GPU with the model in four bits only."""
    if not can_quantise():
        return False
    free, _ = importlib.import_module("torch").cuda.mem_get_info()
    return recipe.needed(parameters(model), quantised=False) > int(free) * ROOM


def base(model: str, *, quantised: bool = False) -> Any:
    """The base model on its device, in half precision where that is a GPU."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    dtype = getattr(torch, half_precision() or "float32")
    options: dict[str, Any] = {"dtype": dtype}
    if quantised:  # as in QLoRA: normal floats of four bits, their constants quantised too
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        options["device_map"] = {"": 0}
    loaded = transformers.AutoModelForCausalLM.from_pretrained(model, **options)
    return loaded if quantised else loaded.to(device())


def out_of_memory(error: BaseException) -> bool:
    """Whether it is that; torch says it in several ways."""
    if isinstance(error, MemoryError | importlib.import_module("torch").OutOfMemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in said or "can't allocate memory" in said or "not enough memory" in said
    )
