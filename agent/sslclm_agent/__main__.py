"""``python -m sslclm_agent`` is the command ``sslclm-agent``."""

import sys

from sslclm_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
