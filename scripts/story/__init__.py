"""The story that ``scripts/demo`` lives: a backend, an agent and nginx, through the API that everybody uses."""
