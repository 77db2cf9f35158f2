"""ecoklit: events from phones become the current voter list of every TPS."""
