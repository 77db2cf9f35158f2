"""The world: each adapter keeps the promises of a port, and is the only one to import its driver."""
