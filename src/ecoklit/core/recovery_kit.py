"""The recovery kit: the keys of an election, sealed with a passphrase, as symbols that a person can type from paper.

    01/12  0A1B2 C3D4E 5F6G7 H8J9K  M

Each line has twenty symbols, and one that checks them together with the line's number. A file and a printed page hold
the same lines, and whatever stands around them does not matter.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from ecoklit.core import ids, sealing, speakable
from ecoklit.core.signing import ED25519, SEED_BYTES, Key, key_from_seed
from ecoklit.errors import EcoklitError

LINE_SYMBOLS: Final = 20
GROUP_SYMBOLS: Final = 5
QR_PREFIX: Final = "ECOKLIT-KIT:"
"""Upper case only: so a QR code holds the symbols in half the room."""

_LINE = re.compile(r"^\s*([0-9Oo]{2})/([0-9Oo]{2})[ \t]+(\S.*?)\s*$", re.MULTILINE)


class BadKit(EcoklitError):
    """The text is no recovery kit, or was typed with a mistake; the line is named."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_kit", message)


class KeptKeys(msgspec.Struct, frozen=True):
    """What a kit keeps: three ed25519 keys, and of which election and regency they are."""

    election: str
    regency: str
    root: Key
    service: Key
    office: Key


def seal_kit(kept: KeptKeys, passphrase: str, salt: bytes, cost_log2: int = sealing.COST_LOG2) -> bytes:
    """The sealed kit; `salt` is 16 bytes of chance. Raises NotOpened bad_passphrase."""
    seeds = kept.root.seed + kept.service.seed + kept.office.seed
    return sealing.with_passphrase(seeds + f"{kept.regency}{kept.election}".encode(), passphrase, salt, cost_log2)


def open_kit(sealed: bytes, passphrase: str) -> KeptKeys:
    """The keys of a sealed kit. Raises NotOpened, BadKit."""
    plain = sealing.open_with_passphrase(sealed, passphrase)
    seeds = [plain[start : start + SEED_BYTES] for start in range(0, 3 * SEED_BYTES, SEED_BYTES)]
    place = plain[3 * SEED_BYTES :].decode("ascii", "replace")
    regency, election = place[:4], place[4:]
    if not (ids.is_regency(regency) and ids.is_word(election)):
        raise BadKit("What the kit holds are no keys of an election: it was made by another program.")
    root, service, office = (key_from_seed(ED25519, seed) for seed in seeds)
    return KeptKeys(election, regency, root, service, office)


# --- as a person types it --------------------------------------------------------------------------------------------


def lines_of_kit(sealed: bytes) -> list[str]:
    """The numbered lines, as they are printed and typed."""
    symbols = speakable.symbols_of(sealed)
    parts = [symbols[start : start + LINE_SYMBOLS] for start in range(0, len(symbols), LINE_SYMBOLS)]
    return [f"{number:02}/{len(parts):02}  {_shown(number, part)}" for number, part in enumerate(parts, 1)]


def text_of_qr(sealed: bytes) -> str:
    """What the page's QR code says."""
    return QR_PREFIX + speakable.symbols_of(sealed)


def read_kit(text: str) -> bytes:
    """The sealed bytes of a page, a file, a QR code, or what was typed from paper. Raises BadKit; it names the line."""
    lines = [(_number(number), _number(count), symbols) for number, count, symbols in _LINE.findall(text)]
    if lines:
        return _bytes_of("".join(_symbols_of_lines(lines)))
    if QR_PREFIX in text.upper():
        return _bytes_of(_heard(text.upper().partition(QR_PREFIX)[2], "in the QR code"))
    raise BadKit("No line of a recovery kit is in it: a line looks like '01/12  0A1B2 C3D4E 5F6G7 H8J9K  M'.")


def _shown(number: int, symbols: str) -> str:
    check = speakable.with_check(_marked(number, symbols))[-1]
    return f"{speakable.grouped(symbols, GROUP_SYMBOLS, ' ')}  {check}"


def _marked(number: int, symbols: str) -> str:
    # The line's number is checked with it, so that a line in another's place is told as well.
    return speakable.ALPHABET[number // 32] + speakable.ALPHABET[number % 32] + symbols


def _number(text: str) -> int:
    return int(text.upper().replace("O", "0"))


def _symbols_of_lines(lines: list[tuple[int, int, str]]) -> Iterator[str]:
    count = max(count for _, count, _ in lines)
    by_number = {number: symbols for number, _, symbols in lines}
    for number in range(1, count + 1):
        if number not in by_number:
            raise BadKit(f"Line {number:02} of the kit's {count} is missing: give all of them.")
        yield _symbols_of_line(number, by_number[number])


def _symbols_of_line(number: int, text: str) -> str:
    symbols = _heard(text, f"in line {number:02}")
    try:
        return speakable.checked(_marked(number, symbols))[2:]
    except ValueError:
        raise BadKit(f"Line {number:02} of the kit has a mistake: compare it with the paper.") from None


def _heard(text: str, where: str) -> str:
    try:
        return speakable.heard(text)
    except ValueError as error:
        raise BadKit(f"A symbol {where} of the kit cannot be: {error}; compare it with the paper.") from None


def _bytes_of(symbols: str) -> bytes:
    try:
        return speakable.bytes_of(symbols)
    except ValueError:
        raise BadKit("The kit has a symbol too many or too few: compare it with the paper.") from None
