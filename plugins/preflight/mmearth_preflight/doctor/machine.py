"""Checks of the machine: Python, packages, plugins, the file system of the dataset, Slurm."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from mmearth_core.registry import Registry
from mmearth_core.text import counted, size
from mmearth_preflight.doctor.findings import Findings
from mmearth_preflight.estimate import Plan

_CORE = "mmearth-core"

_LOCK = """
import fcntl, sys
file = open(sys.argv[1], "rb+")
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("refused")
"""
"""Another process that tries to get a lock."""

_SLURM = ("sbatch", "squeue", "scontrol", "sinfo")


def check_python(findings: Findings) -> None:
    """The versions of Python and the packages, and that none is missing."""
    findings.ok("python", f"{platform.python_version()}, {platform.platform()}, {sys.executable}")
    with findings.check("packages"):
        names = {_CORE, "mmearth-preflight"}
        for text in requires(_CORE) or ():
            name = re.match(r"[\w.-]+", text)
            if name and "extra ==" not in text:
                names.add(name[0])
        missing, found = [], []
        for each in sorted(names):
            try:
                found.append(f"{each} {version(each)}")
            except PackageNotFoundError:
                missing.append(each)
        if missing:
            findings.fail("packages", f"not installed: {', '.join(missing)}", f"`pip install {' '.join(missing)}`.")
        findings.ok("packages", ", ".join(found))


def check_plugins(findings: Findings, registry: Registry) -> None:
    """The installed plugins, and those that are broken."""
    modalities = [f"{name} ({entry.origin})" for name, entry in registry.modalities.items()]
    engines = [f"{name} ({entry.origin})" for name, entry in registry.engines.items()]
    findings.ok("plugins", f"modalities {', '.join(modalities)}; engines {', '.join(engines)}")
    for fault in registry.faults:
        findings.fail("plugins", f"{fault.distribution} {fault.version}: {fault.problem}", fault.remedy)


def check_folder(findings: Findings, name: str, folder: Path) -> None:
    """What the file system of a folder can do: atomic renames, writes to disk, locks.

    Args:
        findings: takes the result.
        name: of the check.
        folder: it need not exist; then the folder in which it would be made is checked.
    """
    remedy = "Set a folder on another file system: `path` in [dataset], or `budget` in [run]."
    with findings.check(name, remedy):
        existing = next(path for path in (folder, *folder.parents) if path.is_dir())
        with tempfile.TemporaryDirectory(prefix=".mmearth-doctor-", dir=existing) as made:
            _check_rename(Path(made))
            locks = _has_locks(Path(made) / "lock")
        if locks:
            findings.ok(name, f"{existing}: atomic renames, fsync and locks work")
        else:
            text = f"{existing}: two processes can have the same lock"
            findings.warn(name, text, "Use another file system, or never start two runs of the same share.")


def _check_rename(folder: Path) -> None:
    """Replaces a file as a run does.

    Raises:
        OSError: the file system cannot do it.
    """
    old, new = folder / "tile.tif", folder / ".tile.part"
    old.write_bytes(b"old")
    with new.open("wb") as file:
        file.write(b"new")
        file.flush()
        os.fsync(file.fileno())
    new.replace(old)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    if old.read_bytes() != b"new" or new.exists():
        raise OSError(f"{folder}: a renamed file does not replace the old one")


def _has_locks(path: Path) -> bool:
    """Whether another process is refused a lock that this one has."""
    import fcntl

    path.touch()
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        command = [sys.executable, "-S", "-E", "-c", _LOCK, str(path)]
        return "refused" in subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout


def check_space(findings: Findings, plan: Plan) -> None:
    """Free space and free files, compared with what the rest of the dataset needs."""
    with findings.check("disk space"):
        folder = next(path for path in (plan.config.root, *plan.config.root.parents) if path.is_dir())
        needed = plan.bytes["stacks"] + plan.bytes["hdf5"]
        free, files = shutil.disk_usage(folder).free, os.statvfs(folder)
        stacks = sum(group.left for group in plan.groups if group.stack)
        text = f"{size(free)} free at {folder}; about {size(needed)} needed"
        remedy = "Free disk space, or set another `path` in [dataset]. A quota of your account may be lower still."
        if free < needed:
            findings.fail("disk space", text, remedy)
        elif files.f_files and files.f_favail < stacks:
            findings.fail("disk space", f"{counted(files.f_favail, 'file')} free; about {stacks:,} needed", remedy)
        else:
            findings.ok("disk space", text)


def check_slurm(findings: Findings) -> None:
    """Slurm's commands and a partition that accepts jobs; `run` needs neither, so these are warnings."""
    with findings.check("slurm"):
        missing = [name for name in _SLURM if shutil.which(name) is None]
        if len(missing) == len(_SLURM):
            findings.skip("slurm", "there is no Slurm on this machine")
            return
        if missing:
            findings.warn("slurm", f"not found: {', '.join(missing)}", "Load the cluster's module of Slurm.")
            return
        command = ["sinfo", "--noheader", "--format=%P %a %l"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        rows = [line.split() for line in answer.stdout.splitlines() if line.split()]
        if any("up" in row for row in rows):
            findings.ok("slurm", "partitions: " + "; ".join(dict.fromkeys(" ".join(row) for row in rows)))
        else:
            found = "; ".join(" ".join(row) for row in rows) or answer.stderr.strip() or "none"
            remedy = "`mmearth-core slurm submit` will not work from here; ask the cluster's administrator."
            findings.warn("slurm", f"no partition is up: {found}", remedy)
