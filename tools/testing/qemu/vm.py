# SPDX-License-Identifier: GPL-2.0
"""Boots a kernel in one of the machines and runs a script in it."""

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import el3
import fdt
import patience
from machines import MACHINES, check_kernel_log

# Seconds between two looks at the clock.
LOOK = 0.5
TIMEOUT = 124
TROUBLE = 125



def find_qemu():
    """The QEMU that the user chose, or the set-up found."""
    if os.environ.get("QEMU"):
        return os.environ["QEMU"]
    try:
        with open(os.path.join(os.environ.get("BUILD", "build"), "toolchain.env")) as settings:
            found = [line[5:].strip() for line in settings if line.startswith("QEMU=")]
    except OSError:
        found = []
    return found[0] if found else "qemu-system-aarch64"


QEMU = find_qemu()


def plugin_problem(plugin):
    """One line on why QEMU can't load this plugin, or None."""
    path = Path(plugin.split(",", 1)[0])
    if not path.is_file():
        return f"plugin {path} does not exist"
    asked = subprocess.run([QEMU, "-plugin", "help"], check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    if asked.returncode:
        return (f"{QEMU} is built without plugins (--enable-plugins); "
                "QEMU= names another one")
    return None


@dataclass
class Job:
    """What to boot and what to run in it."""

    machine: str
    image: Path
    initrd: Path
    share: Path = None
    run: str = None
    args: list = field(default_factory=list)
    rootfs: Path = None
    icount: bool = False
    icount_shift: int = 0       # an instruction takes 2 to this power ns
    cpus: int = None            # None: as many as the machine has
    mem: str = "4G"
    timeout: float = 300        # seconds in which it could get on (patience.py)
    append: str = ""
    hugepages: int = 0
    # A TCG plugin, with its arguments after a comma.
    plugin: str = None
    # A program that is given QEMU's gdb stub, as a socket, and the kernel's vmlinux.
    debugger: Path = None
    log: Path = None
    interactive: bool = False
    echo: bool = False
    # Called with each line that the console prints.
    on_line: object = None


@dataclass
class Result:
    """How it ended; status is the script's own, 124 or 125."""

    status: int
    reason: str = ""
    seconds: float = 0.0
    boot_seconds: float = 0.0
    console: str = ""
    dmesg: str = ""
    interrupts: str = ""

    @property
    def faults(self):
        """Offending lines of the kernel log."""
        return check_kernel_log(self.dmesg or self.console)


def problem(job):
    """One line on why the job can't even start, or None."""
    if job.machine not in MACHINES:
        return f"no machine '{job.machine}'; there are: {' '.join(MACHINES)}"
    if not shutil.which(QEMU):
        return f"{QEMU} is missing; 'make toolchain' installs it"
    for what, path in (("kernel image", job.image), ("initramfs", job.initrd),
                       ("share", job.share), ("user space image", job.rootfs),
                       ("debugger", job.debugger)):
        if path and not Path(path).exists():
            return f"{what} {path} does not exist; 'make' builds it"
    if job.share and "," in str(job.share):
        return f"share {job.share}: QEMU takes no commas in a path"
    if job.run and not (Path(job.share or "/") / job.run).is_file():
        return f"no script {job.run} in {job.share}"
    return plugin_problem(job.plugin) if job.plugin else None


def write_control(job, control):
    """Tells init what to do; see the file init for the reader."""
    config = {"ROOTFS": "1" if job.rootfs else "",
              "HUGEPAGES": str(job.hugepages or ""),
              "INTERACTIVE": "1" if job.interactive else "",
              "RUN": job.run or "", "SIZE": "",
              "SHARE": "1" if job.share else ""}
    if job.interactive and sys.stdin.isatty():
        cols, rows = os.get_terminal_size(sys.stdin.fileno())
        config["SIZE"] = f"cols {cols} rows {rows}"
    text = "".join(f"{k}={shlex.quote(v)}\n" for k, v in config.items())
    (control / "config").write_text(text)
    words = ["sh", f"/host/{job.run}", *job.args] if job.run else ["true"]
    (control / "command").write_text("exec " + shlex.join(words) + "\n")
    if MACHINES[job.machine].el3:
        (control / "el3.bin").write_bytes(el3.code())


def board_args(job):
    """What the board has of CPUs and memory."""
    return ["-smp", str(job.cpus or MACHINES[job.machine].cpus), "-m", job.mem]


def kernel_args(job):
    """The kernel, and what it is told."""
    append = ["console=ttyAMA0", "panic=-1", MACHINES[job.machine].append, job.append,
              "quiet" if job.interactive else ""]
    return ["-kernel", str(job.image), "-initrd", str(job.initrd),
            "-append", " ".join(a for a in append if a)]


def write_device_tree(job, control):
    """The device tree that QEMU would make, for machines that need one of their own."""
    machine, dtb = MACHINES[job.machine], control / "dtb"
    if not machine.own_device_tree:
        return
    _, board, *rest = machine.qemu_args()
    subprocess.run([QEMU, "-M", f"{board},dumpdtb={dtb}", *rest, "-nodefaults",
                    *board_args(job), *kernel_args(job)],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    blob = dtb.read_bytes()
    for node, name in machine.drop:
        blob = fdt.drop(blob, node, name)
    if machine.el3:
        blob = el3.device_tree(blob, Path(job.initrd))
    # QEMU doubles the size, of which the kernel takes 2 MB.
    dtb.write_bytes(fdt.pack(blob))


def qemu_command(job, control):
    """QEMU's whole command line."""
    machine = MACHINES[job.machine]
    accel = (["-accel", "tcg,thread=single", "-icount",
              f"shift={job.icount_shift},sleep=off"]
             if job.icount else ["-accel", "tcg,thread=multi"])
    command = [QEMU, *machine.qemu_args(), *accel,
               "-nodefaults", "-display", "none", "-no-reboot",
               "-chardev", "stdio,id=console,signal=off",
               "-serial", "chardev:console",
               *board_args(job)]
    if machine.el3:
        command += el3.qemu_args(control / "el3.bin", job.image, job.initrd)
    else:
        command += kernel_args(job)
    if machine.own_device_tree:
        command += ["-dtb", str(control / "dtb")]
    shares = [("control", control)]
    if job.share:
        shares.append(("host", Path(job.share).absolute()))
    for tag, path in shares:
        command += ["-fsdev", f"local,id={tag},path={path},"
                              "security_model=none,multidevs=remap",
                    "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    if job.rootfs:
        command += ["-drive", f"file={job.rootfs},format=raw,if=none,"
                              "readonly=on,id=root",
                    "-device", "virtio-blk-pci,drive=root"]
    if job.plugin:
        path, *rest = job.plugin.split(",", 1)
        command += ["-plugin", ",".join([str(Path(path).absolute()), *rest])]
    if job.debugger:
        command += ["-gdb", f"unix:{control / 'gdb'},server=on,wait=off"]
    return command


def start_debugger(job, control):
    """The debugger's process, or None; what it says is for who looks at the console."""
    if not job.debugger:
        return None
    # build/NAME/arch/arm64/boot/Image
    vmlinux = Path(job.image).absolute().parents[3] / "vmlinux"
    return subprocess.Popen([job.debugger, control / "gdb", vmlinux], stdin=subprocess.DEVNULL)


class Console:
    """Collects what the machine prints and watches for its end."""

    def __init__(self, job, control):
        self.job, self.control = job, control
        self.raw = bytearray()
        self.line_start = 0
        self.trouble = ""
        self.panic_at = None
        self.up_at = None

    def feed(self, data):
        """Takes a piece of output."""
        self.raw += data
        while (end := self.raw.find(b"\n", self.line_start)) >= 0:
            line = self.raw[self.line_start:end].decode(errors="replace")
            self.line_start = end + 1
            self.see(line.rstrip("\r"))

    def see(self, line):
        """Looks at one whole line."""
        if "Kernel panic - not syncing" in line and not self.panic_at:
            self.panic_at = time.monotonic()
            self.trouble = line[line.index("Kernel panic"):]
        if "@@machine: trouble: " in line:
            self.trouble = line.split("trouble: ", 1)[1]
        if "@@machine: up" in line and not self.up_at:
            self.up_at = time.monotonic()
            log = read(self.control / "dmesg.boot")
            why = MACHINES[self.job.machine].wrong_mode(log)
            self.trouble = why or self.trouble
        if self.job.echo and not line.startswith("@@machine: "):
            print(line, flush=True)
        if self.job.on_line:
            self.job.on_line(line)

    @property
    def done(self):
        """Nothing more worth waiting for."""
        if self.panic_at:
            return time.monotonic() - self.panic_at > 2
        return bool(self.trouble)

    @property
    def text(self):
        """All of it, as text."""
        return self.raw.decode(errors="replace").replace("\r", "")


def read(path):
    """A file's text, empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def stop(process):
    """Ends our QEMU, whatever state it is in."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def watch(process, console, limit):
    """Reads the console to its end; False on time-out."""
    fd = process.stdout.fileno()
    clock = patience.Clock(process.pid)
    look = time.monotonic() + LOOK
    while not console.done:
        if time.monotonic() >= look:
            if clock.seconds() >= limit:
                return False
            look = time.monotonic() + LOOK
        ready, _, _ = select.select([fd], [], [], min(limit, LOOK))
        if not ready:
            continue
        data = os.read(fd, 65536)
        if not data:
            break
        console.feed(data)
    return True


def run_interactive(command):
    """Hands the terminal to QEMU; gives it back as it was."""
    saved = None
    if sys.stdin.isatty():
        saved = subprocess.run(["stty", "-g"], stdin=sys.stdin, check=False,
                               capture_output=True, text=True).stdout.strip()
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        subprocess.run(command, check=False)
    finally:
        signal.signal(signal.SIGINT, old)
        if saved:
            subprocess.run(["stty", saved], stdin=sys.stdin, check=False)


def run_watched(job, command, control):
    """Runs QEMU to its end; the console and how that went."""
    console = Console(job, control)
    # A process group of its own: Ctrl-C reaches us, and we end QEMU.
    # It must not outlive us, however we end.
    tie = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    process = subprocess.Popen(tie + command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT,
                               start_new_session=True)
    debugger = start_debugger(job, control)
    try:
        in_time = watch(process, console, job.timeout)
        if in_time and not console.done:
            process.wait(10)
    except subprocess.TimeoutExpired:
        console.trouble = console.trouble or "QEMU does not end"
    finally:
        stop(process)
        process.stdout.close()
        if debugger:
            stop(debugger)
    return console, in_time


def verdict(job, control, console, in_time):
    """Status and reason from what the machine left behind."""
    status = read(control / "status").strip()
    if console and console.trouble:
        return TROUBLE, console.trouble
    if not in_time:
        what = "the script" if console.up_at else "the boot"
        return TIMEOUT, f"{what} took longer than {job.timeout:g} s"
    if not status.isdigit():
        if console and not console.up_at:
            last = (console.text.strip().splitlines() or ["no output"])[-1]
            return TROUBLE, f"the machine did not boot: {last.strip()}"
        return TROUBLE, "the machine ended before the script did"
    why = MACHINES[job.machine].wrong_mode(read(control / "dmesg.boot"))
    return (TROUBLE, why) if why else (int(status), "")


def save_logs(job, result):
    """Console log to job.log, the kernel's own beside it."""
    if not job.log:
        return
    log = Path(job.log)
    log.parent.mkdir(parents=True, exist_ok=True)
    if result.console:
        log.write_text(result.console)
    log.with_name(log.name + ".dmesg").write_text(result.dmesg)


def boot(job):
    """Boots, runs, powers off. Raises nothing that a machine can cause."""
    why = problem(job)
    if why:
        return Result(TROUBLE, why)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kvm-machine.") as tmp:
        control = Path(tmp)
        write_control(job, control)
        try:
            write_device_tree(job, control)
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            return Result(TROUBLE, f"no device tree: {error}")
        command = qemu_command(job, control)
        if job.interactive:
            run_interactive(command)
            console, in_time = None, True
        else:
            console, in_time = run_watched(job, command, control)
        status, reason = verdict(job, control, console, in_time)
        result = Result(status, reason, time.monotonic() - start,
                        console=console.text if console else "",
                        dmesg=read(control / "dmesg")
                        or read(control / "dmesg.boot"),
                        interrupts=read(control / "interrupts"))
        if console and console.up_at:
            result.boot_seconds = console.up_at - start
    save_logs(job, result)
    return result
