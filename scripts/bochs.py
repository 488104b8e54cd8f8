"""Run an image in Bochs, the machine with VT-x: its serial line is on standard input and output; ends with it."""
import argparse
import ctypes
import fcntl
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import tempfile
import tty

SHARE = pathlib.Path('/usr/share')
# Lynnfield has no unrestricted guest, Ice Lake the controls of speculative execution.
MODELS = {'intel': 'corei7_skylake_x', 'intel-haswell': 'corei7_haswell_4770',
          'intel-sandybridge': 'corei7_sandy_bridge_2600k', 'intel-lynnfield': 'corei5_lynnfield_750',
          'intel-icelake': 'corei7_icelake_u', 'amd-ryzen': 'ryzen'}
# Of the virtual machine that AMD-V leaves by an exit: Bochs 2.7 looks at its RFLAGS.VM where the host's CR0 is loaded
# already, and does the right thing behind its complaint. Likewise with a triple fault, which it then takes for a
# shutdown that may have an intercept.
TOLERATED = {'amd-ryzen': ('VM is set in long mode', 'exception with no resolution')}
SECTOR = 512
DRIVES = ['ata0-master', 'ata0-slave', 'ata1-slave']  # the image is in the fourth
ESCAPE, HALT = 1, b'xX'  # Ctrl-A x ends the machine, as in QEMU

# speaker=0: without a sound device Bochs ends. error: each EPT violation is one to it, and would be a line.
SETTINGS = '''plugin_ctrl: unmapped=1, biosdev=1, serial=1, speaker=0
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={memory}
cpu: model={model}, count={smp}, ips=100000000, reset_on_triple_fault={reset}, ignore_bad_msrs=1
romimage: file={firmware}
vgaromimage: file={share}/vgabios/vgabios.bin
pci: enabled=1, chipset=i440fx
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path={image}, status=inserted
{disks}
boot: cdrom
clock: sync=none, time0=1735689600
com1: enabled=1, mode=term, dev={terminal}
log: {folder}/bochs.log
panic: action=fatal{lenient}
error: action=ignore
info: action=report
debug: action=ignore
'''


def parse():
    parser = argparse.ArgumentParser(prog='scripts/bochs.py', description=__doc__, allow_abbrev=False)
    parser.add_argument('image', type=pathlib.Path)
    parser.add_argument('--model', choices=MODELS, default='intel')
    parser.add_argument('--smp', type=int, default=1)
    parser.add_argument('--memory', type=int, default=1024)
    parser.add_argument('--disk', type=pathlib.Path, action='append', default=[])
    parser.add_argument('--uefi', action='store_true')
    parser.add_argument('--reboot', action='store_true', help='a reset or a triple fault is one, and not the end')
    parser.add_argument('--keys', action='store_true', help='the terminal is a person\'s: Ctrl-A x ends it')
    return parser.parse_args()


def settings(options, terminal, folder):
    disks = [f'{drive}: type=disk, mode=flat, path={folder}/{drive}' for drive, _ in zip(DRIVES, options.disk)]
    firmware = f'{SHARE}/ovmf/OVMF.fd' if options.uefi else f'{SHARE}/bochs/BIOS-bochs-latest, options=fastboot'
    lenient = ''.join(f', cpu{n}=report' for n in range(options.smp)) if options.model in TOLERATED else ''
    return SETTINGS.format(memory=options.memory, model=MODELS[options.model], smp=options.smp, firmware=firmware,
                           share=SHARE, image=options.image.resolve(), disks='\n'.join(disks), terminal=terminal,
                           folder=folder, lenient=lenient, reset=int(options.reboot))


def take_disks(paths, folder):
    """Links to the disks in FOLDER, and the open files that keep other machines from them.

    Bochs itself locks a disk by a file beside it, and if it is killed leaves that, which the next one obeys.
    """
    files = []
    for drive, path in zip(DRIVES, paths):
        try:
            files.append(open(path, 'r+b'))
            fcntl.flock(files[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f'[bochs] {path} is the disk of another machine that runs')
        except OSError as error:
            sys.exit(f'[bochs] {path} cannot be a disk: {error.strerror}')
        size = os.fstat(files[-1].fileno()).st_size
        if not size or size % SECTOR:
            sys.exit(f'[bochs] {path} has {size} bytes, and a disk is of whole sectors, {SECTOR} bytes each')
        pathlib.Path(folder, drive).symlink_to(path.resolve())
    return files


def end_with_parent():
    """Bochs ends when this program does, however that ends (prctl(2): PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def unescape(typed, escaped):
    """What is TYPED by a person: what of it is for the machine, whether Ctrl-A was its last, whether to end."""
    passed = bytearray()
    for byte in typed:
        if escaped and byte in HALT:
            return b'', False, True
        if byte == ESCAPE and not escaped:
            escaped = True
        else:
            passed.append(byte)
            escaped = False
    return bytes(passed), escaped, False


def relay(process, serial, keys, stopped):
    """Carry bytes both ways until Bochs ends, or the keys or STOPPED() say so. What Bochs has no room for waits, and
    does not keep what it prints."""
    waiting, typing, escaped = b'', True, False
    os.set_blocking(serial, False)
    while process.poll() is None and not stopped():
        sources = [serial, 0] if typing and not waiting else [serial]
        readable, writable, _ = select.select(sources, [serial] if waiting else [], [], 0.2)
        if serial in readable:
            os.write(1, os.read(serial, 4096))
        if writable:
            waiting = waiting[os.write(serial, waiting):]
        if 0 in readable:
            data = os.read(0, 4096)
            typing = bool(data)
            waiting, escaped, ends = unescape(data, escaped) if keys else (data, False, False)
            if ends:
                return


def resets_in(path):
    """A function that says whether the machine was reset, by the log at PATH: its power-on is one as well."""
    log, resets = open(path, errors='replace'), 0

    def was_reset():
        nonlocal resets
        resets += log.read().count('bx_pc_system_c::Reset(')
        return resets > 1
    return was_reset


def drain(serial):
    """What Bochs wrote before it ended."""
    try:
        while data := os.read(serial, 4096):
            os.write(1, data)
    except OSError:
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = parse()
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with tempfile.TemporaryDirectory(prefix='bulkhead-bochs-') as folder:
        configuration, start = pathlib.Path(folder, 'bochsrc'), pathlib.Path(folder, 'start')
        log = pathlib.Path(folder, 'bochs.log')
        log.touch()
        disks = take_disks(options.disk, folder)
        configuration.write_text(settings(options, os.ttyname(theirs), folder))
        # Debian's Bochs has the debugger built in, which waits for a word, and for another at each triple fault, even
        # if AMD-V intercepts it.
        start.write_text('c\n' * (10000 if options.reboot or options.model in TOLERATED else 1))
        process = subprocess.Popen(['bochs-bin', '-q', '-f', configuration, '-rc', start], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                                   preexec_fn=end_with_parent)
        try:
            relay(process, ours, options.keys, (lambda: False) if options.reboot else resets_in(log))
        finally:
            process.kill()
            process.wait()
            drain(ours)
            for disk in disks:
                disk.close()
        tolerated = ('soft power off', *TOLERATED.get(options.model, ()))
        failed = [line for line in log.read_text(errors='replace').split('\n')
                  if '>>PANIC<<' in line and not any(words in line for words in tolerated)]
    if failed:
        print('\n'.join(['[bochs] the machine could not go on:', *failed]), file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    if sys.stdin.isatty():
        subprocess.run(['stty', 'raw', '-echo'], check=False)
    try:
        sys.exit(main())
    finally:
        if sys.stdin.isatty():
            subprocess.run(['stty', 'sane'], check=False)
