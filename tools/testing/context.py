# SPDX-License-Identifier: GPL-2.0
"""Where everything is, for all suites of a run."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import jobs
import results

REPO = Path(__file__).resolve().parents[2]


def default_cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kvm-arm64-rust"


@dataclass
class Context:
    build: Path
    cache: Path
    report: results.Report
    all: bool = False
    capacity: int = 2
    repo: Path = REPO
    children: jobs.Children = field(default_factory=jobs.Children)
    settings: dict = field(default_factory=dict)    # more of the environment

    @property
    def logs(self):
        return self.build / "logs"

    @property
    def qemu(self):
        return self.repo / "tools/testing/qemu"

    @property
    def setup(self):
        return self.repo / "tools/setup"

    def image(self, variant):
        return self.build / variant / "arch/arm64/boot/Image"

    @property
    def selftests(self):
        return self.build / "selftests"

    def built_selftests(self):
        """Names of the selftests that were built, as the build listed them."""
        listed = self.build / "selftests.list"
        return set(listed.read_text().split()) if listed.is_file() else set()

    def tool(self, key, name):
        """A tool as the set-up found it, else from PATH; None if there is none."""
        found = self.build / "toolchain.env"
        if found.is_file():
            for line in found.read_text().splitlines():
                value = line.removeprefix(f"{key}=").strip("'\"")
                if value and value != line:
                    return value
        return shutil.which(name)

    def environment(self):
        return {**os.environ, **self.settings, "BUILD": str(self.build), "CACHE": str(self.cache)}

    def run(self, command, log, **kwargs):
        """A command of this repository, with BUILD and CACHE set."""
        kwargs.setdefault("env", self.environment())
        kwargs.setdefault("cwd", self.repo)
        return self.children.run(command, log, **kwargs)
