"""python -m communication_agent: the same as the command communication-agent."""

import sys

from communication_agent.cli import main

sys.exit(main())
