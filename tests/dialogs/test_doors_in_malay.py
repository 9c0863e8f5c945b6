"""Doors, people, teaching and helps as somebody reads them who reads Malay, and back to English."""

from tests.dialogs.stage import Stage, play


async def test_an_owner_reads_malay(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/language ms", "Bahasa Melayu"),
            ("/people", "Belum ada sesiapa berbual dengan Demo"),
            ("/block", "Nyatakan siapa: /block telegram:123"),
            ("/share", "Demo terbuka kepada umum & Cara ke sana"),
            ("[Jadikan peribadi]", "Demo peribadi"),
            ("/invite 2 5", "untuk 2 orang & /start i_"),
            ("/invite much", "untuk berapa orang dan berapa hari"),
            ("/share", "0 daripada 2 kali digunakan"),
            ("[Batalkan jemputan 1]", "!0 daripada 2 kali & Demo peribadi"),
            ("/limits", "20 jawapan (seperti biasa di sini) & Untuk menetapkan had"),
            ("/limits messages 1", "1 jawapan (hadnya sendiri)"),
            ("/unlink", "tidak digabungkan dengan akaun lain"),
            ("/link", "dalam masa sepuluh minit"),
            ("/privacy", "Apa yang disimpan tentang anda & 0 mesej: apa yang anda katakan"),
            ("/examples", "Belum ada apa-apa diajar"),
            ("/compare 1", "Nyatakan dua versi"),
            ("/version", "Nyatakan versi dengan nombornya: /version 3"),
            ("/help", "Berbual dengan Demo & Untuk pemilik & Latihan: /train"),
            ("/forgetme", "Padam 0 mesej"),
            ("[Simpan]", "!Padam 0"),
            ("Hello", "talk about"),  # the avatar answers in the language that it is spoken to
            ("/people", "Siapa yang berbual dengan Demo & 1 jawapan"),
            ("/teach Apa khabar!", "Disimpan untuk latihan Demo & 1 jawapan diajar setakat ini"),
            ("[Tarik balik]", "Dipadam"),
            ("/language en", "English"),
            ("/people", "Who talks to Demo & 1 reply"),
        ],
    )
