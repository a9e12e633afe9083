"""``python -m scripts.story``."""

import sys

from scripts.story.main import main

sys.exit(main())
