"""Build Bulkhead and boot it in QEMU (AMD-V) or Bochs (VT-x) with its serial console on this terminal."""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

import build
import machine

TIMED_OUT = 124
NO_STATUS = 125
EPILOG = '''On the terminal, Ctrl-A x ends the machine and Ctrl-A h lists QEMU's other keys; every other key, Ctrl-C
too, reaches Bulkhead, where Ctrl-] leaves a console. With --headless the exit status is that of --commands: 124 when
--timeout passed, 125 when the machine ended without one.'''


def number(least, most):
    def convert(text):
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {least} to {most}")
        return int(text)
    return convert


def readable(text):
    path = pathlib.Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file '{text}'")
    if not os.access(path, os.R_OK):
        raise argparse.ArgumentTypeError(f"the file '{text}' cannot be read")
    if ',' in str(path) or '=' in str(path):
        raise argparse.ArgumentTypeError(f"the name '{text}' has a comma or an equals sign; please rename the file")
    return path


def parse(arguments):
    parser = argparse.ArgumentParser(prog='scripts/run', description=__doc__, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument('--cpu', choices=('amd', 'intel', 'intel-haswell', 'amd-ryzen'), default='amd',
                        help='the emulated CPU: amd is QEMU, the others are Bochs (default: amd)')
    parser.add_argument('--smp', type=number(1, 64), default=1, metavar='N', help='CPUs of the machine (default: 1)')
    parser.add_argument('--memory', type=number(64, 1 << 20), metavar='MIB',
                        help='its memory (default: 2048, 1024 in Bochs)')
    parser.add_argument('--iso', type=readable, action='append', default=[], metavar='FILE',
                        help='put the ISO image FILE aboard, and a domain named after it; several times for several')
    parser.add_argument('--disk', type=readable, action='append', default=[], metavar='FILE',
                        help='attach FILE as a disk of the machine: raw, or .qcow2 (SATA); raw (IDE) with --cpu intel')
    parser.add_argument('--config', type=readable, action='append', default=[], metavar='FILE',
                        help='put the domain configuration FILE aboard, for "create NAME"')
    parser.add_argument('--commands', metavar="'A; B'", help='commands for the shell, which runs them and powers off')
    parser.add_argument('--headless', action='store_true',
                        help='print only, take no keys, exit with the status of --commands')
    parser.add_argument('--timeout', type=number(1, 1 << 20), metavar='S', help='end the machine after S seconds')
    parser.add_argument('--icount', action='store_true',
                        help='one instruction is one tick, every run the same (one CPU only)')
    parser.add_argument('--gdb', action='store_true', help='wait for gdb on port 1234 before the first instruction')
    parser.add_argument('--uefi', action='store_true', help='boot with UEFI firmware (package ovmf) instead of BIOS')
    options = parser.parse_args(arguments)
    check(parser, options)
    return options


def check(parser, options):
    """What no single option shows."""
    options.memory = options.memory or (2048 if options.cpu == 'amd' else 1024)
    if options.cpu != 'amd' and (options.icount or options.gdb):
        parser.error(f'--cpu {options.cpu}: Bochs always counts instructions, and has no gdb: no --icount, no --gdb')
    if options.cpu != 'amd' and options.smp > 8:
        parser.error(f'--cpu {options.cpu}: Bochs has at most 8 CPUs')
    if options.cpu != 'amd' and len(options.disk) > 3:
        parser.error(f'--cpu {options.cpu}: at most 3 disks')
    if options.cpu != 'amd' and any(path.suffix == '.qcow2' for path in options.disk):
        parser.error(f'--cpu {options.cpu}: Bochs has no qcow2: give a raw disk (qemu-img convert -O raw)')
    if options.icount and options.smp > 1:
        parser.error('--icount needs --smp 1')
    if options.uefi and not pathlib.Path(machine.UEFI).exists():
        parser.error('--uefi needs the package ovmf')
    if len(options.disk) > 4:
        parser.error('--disk: at most 4 disks')
    names = [p.name for p in options.iso]
    for name in names:
        if names.count(name) > 1:
            parser.error(f"--iso: two files are named '{name}'")
    aboard = sum(p.stat().st_size for p in options.iso) >> 20
    if aboard + 256 > options.memory:
        parser.error(f'--memory {options.memory}: images of {aboard} MiB go aboard, give at least {2 * aboard + 512}')


def image_of(options, folder):
    image = build.image()
    commands = machine.split_commands(options.commands or '')
    if options.iso or options.config or commands:
        return machine.make_image(pathlib.Path(folder, 'bulkhead.iso'), options.iso, options.config, commands)
    return image


def headless(command, timeout):
    """Run and print; the exit status of the commands."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    timed_out = threading.Event()

    def end():
        timed_out.set()
        process.terminate()  # so that it removes its files

    timer = threading.Timer(timeout or 0, end)
    if timeout:
        timer.start()
    status, line = None, b''
    try:
        for data in iter(lambda: process.stdout.read1(4096), b''):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            line = line[-200:] + data
            found = machine.STATUS_LINE.findall(line)
            if found and line.rfind(b'\n') > line.rfind(b'[commands]'):
                status = int(found[-1])
    finally:
        timer.cancel()
        process.terminate()
        process.wait()
    if status is not None:
        return status
    return TIMED_OUT if timed_out.is_set() else NO_STATUS


def interactive(command, timeout):
    try:
        return subprocess.run(command, timeout=timeout).returncode
    except subprocess.TimeoutExpired:
        subprocess.run(['stty', 'sane'], stderr=subprocess.DEVNULL)
        print(f'\n[run] ended after {timeout} seconds')
        return TIMED_OUT


def main():
    options = parse(sys.argv[1:])
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    build.setup('build')
    build.configure(tests=False)
    with tempfile.TemporaryDirectory(prefix='run-', dir=build.BUILD) as folder:  # others may run at the same time
        return boot(options, image_of(options, folder))


def boot(options, image):
    serial = ('-serial', 'stdio') if options.headless else ('-serial', 'mon:stdio')
    if options.cpu == 'amd':
        command = machine.qemu(image, options.smp, options.memory, options.disk, options.icount, options.gdb,
                               options.uefi, reboot=not options.headless, serial=serial)
    else:
        command = machine.bochs(image, options.cpu, options.smp, options.memory, options.disk, options.uefi,
                                reboot=not options.headless, keys=not options.headless)
    if options.gdb:
        print(f'[run] waiting for: gdb {build.BUILD}/kernel/bulkhead.elf -ex "target remote :1234"', flush=True)
    if options.headless:
        return headless(command, options.timeout)
    print('[run] Bulkhead boots; Ctrl-A x ends the machine', flush=True)
    return interactive(command, options.timeout)


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)
