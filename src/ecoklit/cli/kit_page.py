"""The recovery kit as it is kept: a text file, and a page to print. Both hold the same lines."""

from __future__ import annotations

from ecoklit.cli.qr import page, paragraph, preformatted, svg_qr
from ecoklit.core.recovery_kit import KeptKeys, lines_of_kit, text_of_qr

WHAT_IT_IS = (
    "Kunci pemilihan ini, tersegel dengan frasa sandi. Simpan di brankas, dua salinan, terpisah dari frasa sandinya.",
    "The keys of this election, sealed with the passphrase. Keep two copies in safes, apart from the passphrase.",
)
HOW_TO_USE_IT = (
    "Untuk mengembalikan: ketik baris-baris ini ke satu berkas, lalu 'ecoklit init --restore BERKAS'.",
    "To restore: type these lines into a file, then 'ecoklit init --restore FILE'. Case, and O for 0, do not matter.",
)


def kit_text(keys: KeptKeys, sealed: bytes) -> str:
    return "\n".join(
        [title(keys), "", *WHAT_IT_IS, "", *lines_of_kit(sealed), "", *HOW_TO_USE_IT, "", *names(keys), ""]
    )


def kit_html(keys: KeptKeys, sealed: bytes) -> str:
    return page(
        title(keys),
        *map(paragraph, WHAT_IT_IS),
        preformatted("\n".join(lines_of_kit(sealed))),
        svg_qr(text_of_qr(sealed), "kit"),
        *map(paragraph, HOW_TO_USE_IT),
        preformatted("\n".join(names(keys))),
    )


def title(keys: KeptKeys) -> str:
    return f"Kit pemulihan · recovery kit: {keys.election}, {keys.regency}"


def names(keys: KeptKeys) -> list[str]:
    """The public names of the keys: whoever holds the registry against the root's checks all rights."""
    return [
        f"akar · root        {keys.root.device}",
        f"layanan · service  {keys.service.device}",
        f"kantor · office    {keys.office.device}",
    ]
