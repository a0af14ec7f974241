"""The command line, with something that happens when it is about to touch a folder for the so-manieth time.

at_moment.py FOLDER COUNT kill|full|read-only|vanish|SIGNAL|SIGNAL-all True|False ARGUMENTS...

With True, only changes count.
SIGNAL, such as SIGTERM, goes to the command; with -all also to every process that it has started.
"""

import errno
import os
import resource
import signal
import sys
from pathlib import Path

from mmearth_core.cli import main

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def is_change(event, args):
    if event == "open":
        return isinstance(args[2], int) and bool(args[2] & WRITES)
    return event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


class Moment:
    def __init__(self, root, moment, act, only_changes):
        self.root, self.moment, self.act, self.only_changes = root, int(moment), act, only_changes == "True"
        self.changes, self.read_only = 0, False

    def seen(self, event, args):
        if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.scandir"):
            return
        if not isinstance(args[0], (str, os.PathLike)) or not str(Path(args[0]).absolute()).startswith(self.root):
            return
        if self.only_changes and not is_change(event, args):
            return
        self.changes += 1
        if self.changes == self.moment:
            self.come()
        if self.read_only and is_change(event, args):
            raise OSError(errno.EROFS, "Read-only file system", os.fspath(args[0]))

    def come(self):
        if self.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.act == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        elif self.act == "read-only":
            self.read_only = True
        elif self.act == "vanish":
            # The second time, for the hook sees it itself, nothing more happens.
            Path(self.root).rename(f"{self.root} away")
        elif self.act.endswith("-all"):
            os.killpg(0, signal.Signals[self.act.removesuffix("-all")])
        else:
            os.kill(os.getpid(), signal.Signals[self.act])


if __name__ == "__main__":  # worker processes import this file
    happens = Moment(*(sys.argv.pop(1) for _ in range(4)))
    if happens.act.endswith("-all"):
        os.setpgrp()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
    sys.addaudithook(happens.seen)
    main()
