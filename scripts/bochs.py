"""Run an image in Bochs, the machine with VT-x: its serial line is on standard input and output; ends with it."""
import argparse
import ctypes
import os
import pathlib
import pty
import selectors
import signal
import subprocess
import sys
import tempfile
import tty

SHARE = pathlib.Path('/usr/share')
# The last has no unrestricted guest.
MODELS = {'intel': 'corei7_skylake_x', 'intel-haswell': 'corei7_haswell_4770',
          'intel-sandybridge': 'corei7_sandy_bridge_2600k', 'intel-lynnfield': 'corei5_lynnfield_750'}
ESCAPE = b'\x01'  # Ctrl-A x ends the machine, as in QEMU
HALT = ('x', 'X')

# speaker=0: without a sound device Bochs ends. error: each EPT violation is one to it, and would be a line.
SETTINGS = '''plugin_ctrl: unmapped=1, biosdev=1, serial=1, speaker=0
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={memory}
cpu: model={model}, count={smp}, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
romimage: file={firmware}
vgaromimage: file={share}/vgabios/vgabios.bin
pci: enabled=1, chipset=i440fx
ata0-master: type=cdrom, path={image}, status=inserted
{disks}
boot: cdrom
clock: sync=none, time0=1735689600
com1: enabled=1, mode=term, dev={terminal}
log: {folder}/bochs.log
panic: action=fatal
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
    parser.add_argument('--keys', action='store_true', help=f'the terminal is a person\'s: Ctrl-A {HALT[0]} ends it')
    return parser.parse_args()


def settings(options, terminal, folder):
    disks = [f'ata{(n + 1) // 2}-{"slave" if n % 2 == 0 else "master"}: type=disk, mode=flat, path={path.resolve()}'
             for n, path in enumerate(options.disk)]
    firmware = f'{SHARE}/ovmf/OVMF.fd' if options.uefi else f'{SHARE}/bochs/BIOS-bochs-latest, options=fastboot'
    return SETTINGS.format(memory=options.memory, model=MODELS[options.model], smp=options.smp, firmware=firmware,
                           share=SHARE, image=options.image.resolve(), disks='\n'.join(disks), terminal=terminal,
                           folder=folder)


def end_with_parent():
    """Bochs ends when this program does, however that ends (prctl(2): PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def relay(process, serial, keys):
    """Carry bytes both ways until Bochs ends, or the keys say so."""
    selector = selectors.PollSelector()
    selector.register(serial, selectors.EVENT_READ, 'serial')
    selector.register(0, selectors.EVENT_READ, 'keys')
    escaped = False
    while process.poll() is None:
        for key, _ in selector.select(timeout=0.2):
            try:
                data = os.read(key.fd, 4096)
            except OSError:
                data = b''
            if not data:
                selector.unregister(key.fd)
            elif key.data == 'serial':
                os.write(1, data)
            elif keys and (escaped or data == ESCAPE):
                if escaped and data.decode(errors='replace') in HALT:
                    process.kill()
                elif escaped:
                    os.write(serial, data)
                escaped = not escaped
            else:
                os.write(serial, data)


def drain(serial):
    """What Bochs wrote before it ended."""
    os.set_blocking(serial, False)
    try:
        while data := os.read(serial, 4096):
            os.write(1, data)
    except OSError:
        pass


def main():
    options = parse()
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with tempfile.TemporaryDirectory(prefix='bulkhead-bochs-') as folder:
        configuration, start = pathlib.Path(folder, 'bochsrc'), pathlib.Path(folder, 'start')
        configuration.write_text(settings(options, os.ttyname(theirs), folder))
        start.write_text('c\n')  # Debian's Bochs has the debugger built in, which waits for a word
        process = subprocess.Popen(['bochs-bin', '-q', '-f', configuration, '-rc', start], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                                   preexec_fn=end_with_parent)
        try:
            relay(process, ours, options.keys)
        finally:
            process.kill()
            process.wait()
            drain(ours)
        log = pathlib.Path(folder, 'bochs.log')
        failed = [line for line in log.read_text(errors='replace').split('\n')
                  if '>>PANIC<<' in line and 'soft power off' not in line]
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
