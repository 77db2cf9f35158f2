"""How soon a password is guessed by whoever tries the commonest first, and what they are made of.

Of passwords of 15 characters and more there is no useful list of the commonest: they are made of shorter ones, twice
over, with a year, along the keyboard. So `zxcvbn` (MIT) takes a password apart into what its lists have, of 30,000
leaked passwords, words and names, and counts the guesses; the words of the land and the office are our own.
"""

from __future__ import annotations

from typing import Final

GUESSES_MIN: Final = 10**10
"""Of an attacker who has the hash: at argon2's 0.1 s, thirty years of a core."""
LOOKED_AT_CHARACTERS_MAX: Final = 72
"""What it looks at takes time by the square; whatever takes long to guess does so after 72 characters."""

OFFICE_WORDS: Final = (
    "ecoklit", "coklit", "pantarlih", "pemilih", "pemilu", "pilkada", "pilpres", "pileg", "pemilihan", "kpu",
    "bawaslu", "panwaslu", "pps", "ppk", "tps", "kpps", "dpt", "dps", "dpshp", "dphp", "dp4", "sidalih", "sirekap",
    "disdukcapil", "dukcapil", "kabupaten", "kecamatan", "kelurahan", "provinsi", "kantor", "admin", "petugas",
    "operator", "ketua", "anggota", "sekretaris", "pengawas",
)  # fmt: skip
"""What an office calls itself and its work (OWASP ASVS 6.1.2)."""
LAND_WORDS: Final = (
    "indonesia", "merdeka", "garuda", "pancasila", "nusantara", "jakarta", "bandung", "surabaya", "medan", "semarang",
    "makassar", "yogyakarta", "papua", "timika", "mimika", "bali", "jawa", "sumatera", "kalimantan", "sulawesi",
    "sayang", "sayangku", "cinta", "cintaku", "rahasia", "katasandi", "sandi", "kata", "bismillah", "alhamdulillah",
    "assalamualaikum", "allahuakbar", "subhanallah", "muhammad", "tuhan", "yesus", "keluarga", "bahagia", "selamanya",
    "selamat", "pagi", "siang", "malam", "terima", "kasih", "bintang", "bulan", "matahari", "pelangi", "mawar",
    "melati", "kucing", "harimau", "macan", "persib", "persija", "persebaya", "anak", "ibu", "ayah", "bapak", "mama",
    "papa", "kakak", "adik", "saya", "aku", "kamu", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh",
    "delapan", "sembilan", "sepuluh", "januari", "februari", "maret", "april", "juni", "juli", "agustus", "september",
    "oktober", "november", "desember", "ganteng", "cantik", "jelek", "bodoh", "anjing", "masuk", "buka", "pintu",
    "rumah", "sekolah",
)  # fmt: skip


def is_easy(password: str, *own_words: str) -> bool:
    """Whether so few guesses find it, by whoever knows the office, the land and the person's `own_words`."""
    from zxcvbn import zxcvbn  # its lists take a while to load: when somebody chooses a password, and not before

    known = [*own_words, *OFFICE_WORDS, *LAND_WORDS]
    looked_at = password[:LOOKED_AT_CHARACTERS_MAX]
    # A space is nothing to guess between two words, and something to a program that looks for one thing after another.
    spellings = {looked_at, looked_at.replace(" ", "") or looked_at}
    return any(zxcvbn(one, user_inputs=known)["guesses"] < GUESSES_MIN for one in sorted(spellings))
