"""Compiles the counters of this folder: a build hook for hatch, which every build of the package runs.

The library is plain C without Python's headers, so that one file serves every Python of a platform and any C compiler
makes it. Where there is no compiler, or it fails, the package is built without the library, and sacreBLEU counts.

Read from the environment: `CC`, another compiler than the first of cc, gcc and clang that is found; and
`EVALHARNESS_PLATFORM_TAG`, the platform of the wheel where that CC compiles for another one than this (`make wheels`):
then nothing is built where the library cannot be.
"""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

# The package itself cannot be imported while it is built.
_sources = runpy.run_path(str(Path(__file__).with_name("sources.py")))
_COMPILERS = ("cc", "gcc", "clang")


class CompiledCounters(BuildHookInterface[Any]):
    """Puts the library into the wheel, then one for this platform; an editable installation has it in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        asked_for = os.environ.get("EVALHARNESS_PLATFORM_TAG")
        platform_tag = asked_for or _platform_tag()
        library: Path = _sources["FOLDER"] / _sources["library_name"](platform_tag)
        if failure := _compile(library):
            library.unlink(missing_ok=True)  # it may be of other sources, or for another platform
            if asked_for:
                self.app.abort(f"No compiled counters for {asked_for}: {failure}")
            self.app.display_warning(f"Built without the compiled counters, so sacreBLEU will count: {failure}")
            return
        if version == "editable":
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag}"
        build_data["artifacts"].append(f"/{library.relative_to(self.root).as_posix()}")


def _platform_tag() -> str:
    """Of what a compiler here compiles for. On macOS that is not what Python says of itself, which may be universal;
    on Linux it is no manylinux, since the library takes the C library that is here."""
    return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))


def _compile(library: Path) -> str | None:
    """Compile the library, which appears whole or not at all; what went wrong, or None."""
    named = os.environ.get("CC")
    found = next((path for name in _COMPILERS if (path := shutil.which(name))), None)
    compiler = shlex.split(named) if named else [found] if found else None
    if compiler is None:
        return f"no C compiler is installed ({', '.join(_COMPILERS)}), and CC names none."
    flags = ["-std=c11", "-O3", "-g0", "-shared", f'-DSOURCES="{_sources["fingerprint_of_sources"]()}"']
    if library.suffix != ".dll":
        flags += ["-fPIC", "-fvisibility=hidden", "-lm"]
    if library.suffix == ".dylib":
        flags.append(f"-Wl,-install_name,@rpath/{library.name}")  # else it holds the path it was compiled at
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        sources = map(str, sorted(library.parent.glob("*.c")))
        command = [*compiler, *sources, *flags, "-o", str(made)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except OSError as err:
            return f"{compiler[0]}: {err.strerror}."
        except subprocess.CalledProcessError as err:
            return f"exit code {err.returncode} of {shlex.join(command)}\n{err.stderr}"
        os.replace(made, library)
    return None
