"""What the program does: services move events across the ports, and know no driver and no shell."""
