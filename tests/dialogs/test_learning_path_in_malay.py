"""Versions and trainings in another language than English, on every platform."""

from tests.dialogs.stage import Stage, play


async def test_versions(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/language ms", "Bahasa Melayu"),
            ("/history", "belum mempunyai versi & Quick Training & !no versions"),
            ("/prompt You are a pirate.", "Versi 1 & 17 aksara, percuma"),
            ("/prompt You are a kind pirate.", "1 perkataan ditambah & 0 perkataan dibuang"),
            ("[Buat Asal]", "Sudah dibuat asal. Prompt: versi 1 semula, menggantikan versi 2"),
            ("/diff 1 2", "Prompt versi 1 dan versi 2 & {+kind+}"),
            ("/history", "1 · Kemas kini prompt — 🟢 Active Now & baru sahaja"),
            ("/version 2", "Quick Training · percuma · 22 aksara & Dibuat baru sahaja"),
            ("/status", "Model Asas (imitator-1) & Bulan ini & 0 jawapan & !Active"),
            ("/delete 1", "Padam versi 1 & Yang akan dipadam & teks promptnya"),
            ("[Padam versi 1]", "Versi 1 telah dipadam. & tiada prompt sekarang"),
            ("/nonsense", "Tiada arahan /nonsense di sini"),
            ("/language en", "English"),
            ("/history", "2 · Prompt update — ○ Quick Training & just now"),
        ],
    )


async def test_a_training_and_its_notice(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/language ms", "Bahasa Melayu"),
            ("/train", "Eksport sembang boleh dihantar"),
            ("(train)", "44 contoh & 3 epoch & Model asas imitator-1 & Mulakan?"),
            ("[Epoch +]", "4 epoch"),
            ("[Mulakan latihan]", "sedang dilatih untuk"),
            ("(wait)", "Deep Training selesai & 44 contoh & Versi ini belum aktif"),
            ("[Aktifkan Versi Ini]", "Active Now & Prompt tidak disentuh"),
            ("/base", "Model asas & Tiada model lain yang disediakan di sini"),
            ("Hello", "lah"),
            ("/why", "Model: ft:imitator & (versi 1) & Prompt: tiada & Token: & masuk"),
            ("/cost", "Perbelanjaan untuk & versi 1 & sembang & 1 panggilan"),
        ],
    )
