"""What goes wrong is said in the language of the chat, also where a thread found it."""

from pathlib import Path

from tests.dialogs.stage import Stage, play


async def test_refusals(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/undo", "There is nothing to take back: nothing was ever switched."),
            ("/language ms", "Bahasa Melayu"),
            ("/undo", "Tiada apa-apa untuk dibuat asal: belum pernah ada pertukaran."),
            ("/version one", 'Saya tidak dapat membaca "one" sebagai nombor versi.'),
            ("/version 7", "Tiada versi 7."),
            ("/activate 7", "Tiada versi 7."),
            ("/deactivate", "Model asas (imitator-1) sudah aktif."),
            ("/prompt You are a pirate.", "1"),
            ("/prompt You are a pirate.", "Prompt yang sama ini (versi 1) sudah aktif."),
            ("/retrain 1", "Versi 1 tiada contoh yang disimpan"),
            ("/cancel 1", "Versi 1 tidak sedang dilatih (statusnya: selesai)."),
            ("/language en", "English"),
            ("/prompt You are a pirate.", "Exactly this prompt (version 1) is already active."),
        ],
    )


async def test_faults_of_a_file(stage: Stage, tmp_path: Path) -> None:
    await play(stage, [("/language ms", "Bahasa Melayu")])
    bad = tmp_path / "bad.jsonl"
    line = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
    bad.write_text(f'{line}\n{{"messages": [{{"role": "boss", "content": "a"}}]}}\nnonsense\n')
    shown = await stage.train(bad)
    assert "baris 2: mesej 1 mempunyai role 'boss'" in shown
    assert "baris 3: ia bukan JSON" in shown
    assert "fail: ia mempunyai 3 contoh; latihan memerlukan sekurang-kurangnya 10." in shown
    noise = tmp_path / "noise.bin"
    noise.write_bytes(b"\x89PNG" + bytes(100))
    assert "ia kelihatan seperti imej PNG, yang tidak dibaca di sini" in await stage.train(noise)
