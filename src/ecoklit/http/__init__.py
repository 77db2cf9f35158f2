"""The HTTP shell: each route parses, calls one service and renders what it answers."""
