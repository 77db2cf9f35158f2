"""What the doors share, whichever way a push comes in: how it is unpacked, and who may come in now."""
