"""Runs Synapse in the foreground, and ends it with the process that started it, however that one ended."""

import ctypes
import signal
import sys

from synapse.app.homeserver import main

PR_SET_PDEATHSIG = 1

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

main()
