"""The command line, with something that happens when it is about to touch a folder for the so-manieth time.

at_moment.py FOLDER COUNT kill|full|read-only True|False ARGUMENTS...: with True, only changes count.
"""

import errno
import os
import resource
import signal
import sys
from pathlib import Path

from mmearth_core.cli import main

root, moment, act, only_changes = sys.argv.pop(1), int(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1) == "True"
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
changes, read_only = 0, False


def is_change(event, args):
    if event == "open":
        return isinstance(args[2], int) and bool(args[2] & WRITES)
    return event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


def seen(event, args):
    global changes, read_only
    if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.scandir"):
        return
    if not isinstance(args[0], (str, os.PathLike)) or not str(Path(args[0]).absolute()).startswith(root):
        return
    if only_changes and not is_change(event, args):
        return
    changes += 1
    if changes == moment:
        if act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if act == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        if act == "read-only":
            read_only = True
    if read_only and is_change(event, args):
        raise OSError(errno.EROFS, "Read-only file system", os.fspath(args[0]))


sys.addaudithook(seen)
main()
