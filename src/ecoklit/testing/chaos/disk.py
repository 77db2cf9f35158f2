"""Small disks of our own: an ext4 in a file, mounted by a loop device. Needs root, losetup, mkfs.ext4 and mount.

A power cut leaves what the disk was given, and nothing that was still in the machine's memory. Here the disk is the
file behind the loop device: what a program wrote and the kernel has not yet sent to the device is not in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecoklit.testing.chaos.options import CannotRun

NEEDED: Final = ("mkfs.ext4", "mount", "umount", "losetup", "cp", "cmp")
COPIES_MAX: Final = 20
UMOUNT_TRIES: Final = 50
_POLL_SECONDS: Final = 0.1


def demand_loop() -> None:
    """Raises CannotRun where no loop device can be mounted."""
    if os.geteuid() != 0:
        raise CannotRun("mounting a disk of its own needs root.")
    for name in NEEDED:
        if shutil.which(name) is None:
            raise CannotRun(f"there is no {name} here.")
    if not Path("/dev/loop-control").exists():
        raise CannotRun("this machine gives no loop devices.")


def make_image(image: Path, mib: int) -> Path:
    """An empty disk of so many MiB, sparse."""
    with image.open("wb") as file:
        file.truncate(mib * 1024 * 1024)
    _run("mkfs.ext4", "-q", "-F", str(image))
    return image


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """The disk at `at` while the block runs."""
    at.mkdir(exist_ok=True)
    try:
        _run("mount", "-o", "loop", str(image), str(at))
    except subprocess.CalledProcessError as error:
        raise CannotRun(f"no loop device can be mounted here ({error.stderr.decode().strip()}).") from error
    try:
        yield at
    finally:
        _unmount(at)


def cut_power(image: Path, copy: Path) -> Path:
    """`copy` is what the disk holds at one moment. Whoever writes there must be frozen by now.

    The kernel may still be sending what is old enough. So the file is copied until a copy and a second reading are the
    same: then no block changed between its two readings, and the copy is the disk as it was between the two.
    """
    for _ in range(COPIES_MAX):
        _run("cp", "--sparse=always", "--reflink=never", str(image), str(copy))
        if subprocess.run(["cmp", "-s", image, copy], check=False).returncode == 0:
            return copy
    raise CannotRun("the disk does not come to rest although all that writes to it is frozen.")


def _unmount(at: Path) -> None:
    for _ in range(UMOUNT_TRIES):
        if subprocess.run(["umount", at], check=False, capture_output=True).returncode == 0:
            return
        time.sleep(_POLL_SECONDS)  # a process that was killed is not wholly gone yet
    _run("umount", "-l", str(at))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
