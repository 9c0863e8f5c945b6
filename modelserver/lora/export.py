"""`python -m modelserver export`: take a model away, to use it elsewhere.

The adapter itself, as a PEFT folder, is among the result files of its job. This writes more: the
base model with the adapter merged into it, and from that, where llama.cpp's converter is
installed, a GGUF file with a Modelfile for Ollama.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from modelserver.disk import write_whole
from modelserver.errors import EngineFault
from modelserver.lora import weights
from modelserver.shelf import model_folder

CONVERTER = "convert_hf_to_gguf.py"


class Refused(Exception):
    """Why nothing was written, in a sentence."""


def adapter_in(source: str, data: Path, unpacked: Path) -> Path:
    """The folder of an adapter: given as one, as a result file, or by its model's name. Raises
    Refused.
    """
    given = Path(source)
    folder = given if given.is_dir() else model_folder(data, source)
    if given.is_file():
        try:
            with zipfile.ZipFile(given) as archive:
                archive.extractall(unpacked)
        except zipfile.BadZipFile:
            raise Refused(f"{source} is no zip of an adapter") from None
        folder = unpacked
    if not (folder / "adapter_config.json").is_file():
        raise Refused(f"{source} is neither a model in {data} nor a folder or zip of an adapter")
    return folder


def base_of(adapter: Path) -> str:
    """Which base model an adapter belongs to, as it says itself."""
    config = json.loads((adapter / "adapter_config.json").read_bytes())
    return str(config["base_model_name_or_path"])


def merged(adapter: Path, base: str, to: Path) -> None:
    """Write the base model with the adapter merged into it: a folder as transformers reads them.
    Raises Refused.
    """
    try:
        tokenizer = weights.tokenizer(base)
        model: Any = importlib.import_module("transformers").AutoModelForCausalLM.from_pretrained(
            base, dtype="auto"
        )
    except (OSError, ValueError) as error:
        raise Refused(f"the base model {base} cannot be read: {error}") from error
    peft = importlib.import_module("peft")
    whole = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
    to.mkdir(parents=True, exist_ok=True)
    whole.save_pretrained(to)
    tokenizer.save_pretrained(to)


def converter(given: Path | None) -> list[str]:
    """The command of llama.cpp's converter. Raises Refused."""
    checkout = os.environ.get("LLAMA_CPP")
    found = given or (Path(checkout) / CONVERTER if checkout else None)
    if found is None and (on_path := shutil.which(CONVERTER)):
        found = Path(on_path)
    if found is None or not found.is_file():
        raise Refused(
            f"there is no {CONVERTER} here: install llama.cpp and name it with --converter, or "
            "its folder in LLAMA_CPP. Without --gguf the merged model is written"
        )
    return [sys.executable, str(found)]


def gguf(command: list[str], model: Path, to: Path, precision: str) -> Path:
    """Write the GGUF file of a merged model, and a Modelfile. Raises Refused."""
    to.mkdir(parents=True, exist_ok=True)
    file = to / "model.gguf"
    done = subprocess.run(  # noqa: S603
        [*command, str(model), "--outfile", str(file), "--outtype", precision],
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode or not file.is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Refused(f"the converter failed: {' '.join(last) or done.returncode}")
    write_whole(to / "Modelfile", [modelfile(weights.template(str(model)).stop_texts()).encode()])
    return file


def modelfile(stops: list[str]) -> str:
    """For `ollama create`. The chat template is in the GGUF file."""
    lines = ["FROM ./model.gguf", *(f"PARAMETER stop {json.dumps(text)}" for text in stops)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="modelserver export",
        description="Write a model that was trained here for use elsewhere.",
    )
    parser.add_argument("model", help="its name (ft:…), or the folder or zip of an adapter")
    parser.add_argument("to", type=Path, help="the folder to write")
    parser.add_argument("--data", type=Path, default=Path("data/modelserver"))
    parser.add_argument("--base", help="the base model, if it is elsewhere now")
    parser.add_argument("--gguf", action="store_true", help="a GGUF file and a Modelfile instead")
    parser.add_argument("--converter", type=Path, help=f"where {CONVERTER} is")
    parser.add_argument("--precision", default="q8_0", help="of the GGUF file: f16, bf16, q8_0…")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.to.exists() and any(chosen.to.iterdir()):
            raise Refused(f"{chosen.to} is not empty")
        weights.check_installed()
        command = converter(chosen.converter) if chosen.gguf else None
        with tempfile.TemporaryDirectory() as scratch:
            adapter = adapter_in(chosen.model, chosen.data, Path(scratch) / "adapter")
            base = chosen.base or base_of(adapter)
            whole = Path(scratch) / "merged" if command else chosen.to
            merged(adapter, base, whole)
            if command:
                gguf(command, whole, chosen.to, chosen.precision)
    except (Refused, EngineFault, OSError) as error:
        sys.stderr.write(f"modelserver: {error}\n")
        return 2
    sys.stdout.write(f"{chosen.model} is in {chosen.to}\n")
    return 0
