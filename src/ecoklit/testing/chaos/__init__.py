"""Real processes on real disks, killed, frozen, filled and cut off for real: `python -m ecoklit.testing.chaos`."""
