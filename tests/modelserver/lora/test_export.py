"""Models that are taken away."""

import importlib
import json
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modelserver.lora import export, weights
from modelserver.shelf import model_folder

NAME = "ft:tiny-1:local::12345678"
CONVERTER = """
import pathlib, sys
folder, _, file, _, kind = sys.argv[1:]
assert (pathlib.Path(folder) / "model.safetensors").is_file()
if kind == "bad":
    sys.exit("unknown type")
pathlib.Path(file).write_bytes(b"GGUF" + kind.encode())
"""


@pytest.fixture(scope="module")
def data(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder with a model that talks otherwise than the base."""
    torch: Any = importlib.import_module("torch")
    peft: Any = importlib.import_module("peft")
    torch.manual_seed(1)
    model = peft.get_peft_model(
        weights.base(str(base)),
        peft.LoraConfig(
            r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
        ),
    )
    folder = tmp_path_factory.mktemp("data")
    model.save_pretrained(model_folder(folder, NAME))
    return folder


def scores(folder: Path, adapter: Path | None = None) -> Any:
    torch: Any = importlib.import_module("torch")
    model = weights.base(str(folder))
    if adapter is not None:
        model = importlib.import_module("peft").PeftModel.from_pretrained(model, adapter)
    with torch.inference_mode():
        return model.eval()(input_ids=torch.tensor([[5, 6, 7, 8]])).logits


def test_a_merged_model_says_what_the_adapter_says(base: Path, data: Path, tmp_path: Path) -> None:
    torch: Any = importlib.import_module("torch")
    assert export.main([NAME, str(tmp_path / "out"), "--data", str(data)]) == 0
    merged = scores(tmp_path / "out")
    assert torch.allclose(merged, scores(base, model_folder(data, NAME)), atol=1e-4)
    assert not torch.allclose(merged, scores(base), atol=1e-1)
    assert weights.template(str(tmp_path / "out")).stops == weights.template(str(base)).stops


def test_the_zip_of_a_job_is_taken_too(base: Path, data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "adapter.zip", "w") as archive:
        for path in model_folder(data, NAME).iterdir():
            archive.write(path, path.name)
    given = [str(tmp_path / "adapter.zip"), str(tmp_path / "out"), "--base", str(base)]
    assert export.main(given) == 0
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_gguf_where_the_converter_is(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / export.CONVERTER).write_text(CONVERTER)
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path))
    to = tmp_path / "out"
    chosen = [NAME, str(to), "--data", str(data), "--gguf", "--precision"]
    assert export.main([*chosen, "f16"]) == 0
    assert (to / "model.gguf").read_bytes() == b"GGUFf16"
    assert (to / "Modelfile").read_text().splitlines() == [
        "FROM ./model.gguf",
        'PARAMETER stop "<|im_end|>"',
    ]
    assert sorted(path.name for path in to.iterdir()) == ["Modelfile", "model.gguf"]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--gguf", "--converter", "none"], "llama.cpp"),
        (["--data", "nowhere"], "neither a model"),
        (["--base", "/nowhere/at/all"], "cannot be read"),
        (["--gguf", "--precision", "bad"], "the converter failed: unknown type"),
    ],
)
def test_refusals_are_a_sentence(  # noqa: PLR0917
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    word: str,
) -> None:
    converter = tmp_path / "bin" / export.CONVERTER
    converter.parent.mkdir()
    converter.write_text(f"#!{sys.executable}\n{CONVERTER}")
    converter.chmod(converter.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(converter.parent))
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    assert export.main([NAME, str(tmp_path / "out"), "--data", str(data), *more]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("modelserver: ")
    assert word in said


def test_nothing_is_written_over(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").write_text("mine")
    assert export.main([NAME, str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_adapters_say_their_base(base: Path, data: Path) -> None:
    config = json.loads((model_folder(data, NAME) / "adapter_config.json").read_bytes())
    assert (
        export.base_of(model_folder(data, NAME)) == config["base_model_name_or_path"] == str(base)
    )
