"""Doors, people, teaching and helps as somebody reads them who reads Malay, and back to English."""

from pathlib import Path

from tests.dialogs.stage import Stage, discord_stage, play
from tests.standins import discord_api


async def test_an_owner_reads_malay(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/language ms", "Bahasa Melayu"),
            ("/language", "Di sini saya menyatakan semuanya & /language en (English)"),
            ("/people", "Belum ada sesiapa yang berbual dengan Demo"),
            ("/block", "Nyatakan siapa: /block telegram:123"),
            ("/share", "Demo terbuka kepada umum & Cara ke sana"),
            ("[Jadikan peribadi]", "Demo peribadi"),
            ("/invite 2 5", "untuk 2 orang & /start i_"),
            ("/invite much", "untuk berapa orang dan berapa hari"),
            ("/share", "digunakan 0 daripada 2 kali"),
            ("[Batalkan jemputan 1]", "!0 daripada 2 kali & Demo peribadi"),
            ("/limits", "20 jawapan (seperti biasa di sini) & Untuk menetapkan had"),
            ("/limits messages 1", "1 jawapan (hadnya sendiri)"),
            ("/unlink", "tidak digabungkan dengan akaun lain"),
            ("/link", "dalam masa sepuluh minit"),
            ("/privacy", "Apa yang disimpan tentang anda & 0 mesej: apa yang anda katakan"),
            ("/examples", "Belum ada apa-apa yang diajar"),
            ("/compare 1", "Nyatakan dua versi"),
            ("/version", "Nyatakan versi dengan nombornya: /version 3"),
            ("/help", "Berbual dengan Demo & Untuk pemilik & Latihan: /train"),
            ("/forgetme", "Padam 0 mesej"),
            ("[Kekalkan]", "!Padam 0"),
            ("Hello", "talk about"),  # the avatar answers in the language that it is spoken to
            ("/people", "Siapa yang berbual dengan Demo & 1 jawapan"),
            ("/teach Apa khabar!", "Disimpan untuk latihan Demo & 1 jawapan diajar setakat ini"),
            ("[Tarik balik]", "Dipadam"),
            ("/language en", "English"),
            ("/people", "Who talks to Demo & 1 reply"),
        ],
    )


async def test_who_runs_a_server_reads_malay(tmp_path: Path) -> None:
    async with discord_stage(tmp_path) as alone:
        ann = alone.elsewhere(user=discord_api.ANN, channel=discord_api.CHANNEL)
        await play(
            ann,
            [
                ("/language ms", "Bahasa Melayu"),
                ("/avatar demo", "Demo bercakap di sini: hanya apabila namanya disebut"),
                ("/talkative much", "Nyatakan off, sometimes, often"),
                ("/talkative 5", "kira-kira 5 %"),
                ("/quiet 22:00-07:00 Asia/Kuala_Lumpur", "Waktu senyap"),
                ("/avatar", "apabila namanya disebut atau mesejnya dibalas & tetapi tidak pada"),
                ("/quiet off", "Tiada waktu senyap di sini."),
            ],
        )
        await play(alone, [("/people", "Nobody has talked")])  # a language is that of its chat
