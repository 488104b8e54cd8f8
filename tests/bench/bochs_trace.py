"""What the host executes between the marks of the benchmark guest on the machine with VT-x, by Bochs' debugger."""
import argparse
import collections
import re
import subprocess

import bochs
import build

MARK = re.compile(r'^ +([0-9a-f]+):\t[0-9a-f ]+\tnopl +0x42450001\(', re.MULTILINE)
INSTRUCTION = re.compile(r'^\(0\)\.\[\d+\] \[\w+\] \w+:\w+ \([^)]*\): (\w+)', re.MULTILINE)
STEPS = 15000  # of each section: the more, the longer the trace


def addresses(guest):
    """Where the guest's program has the instruction that begins a section."""
    code = subprocess.run(['objdump', '-d', guest], check=True, stdout=subprocess.PIPE, text=True).stdout
    return MARK.findall(code)


def symbol(program, name):
    names = subprocess.run(['nm', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search(rf'^(\w+) \w {name}$', names, re.MULTILINE).group(1)


def whole_rounds(names):
    """From one entry of the guest to the last one."""
    entries = [place for place, name in enumerate(names) if name == 'vmresume']
    return collections.Counter(names[entries[0]:entries[-1]]) if entries else collections.Counter()


def trace(image, guest, sections, folder, seconds):
    """Of each of the SECTIONS that the guest measures a Counter of instructions by name, from entry to entry."""
    options = argparse.Namespace(model='intel', smp=1, memory=1024, uefi=False, reboot=False, image=image,
                                 disk=[])
    settings = bochs.settings(options, 'none', folder).replace('mode=term, dev=none', 'mode=null')
    (folder / 'bochsrc').write_text(settings)
    # Firmware and boot loader use the guest's addresses too: its marks count from the first entry on.
    commands = [f'lb 0x{symbol(build.BUILD / "kernel/bulkhead.elf", "vmx_enter_guest")}', 'c', 'd 1']
    commands += [f'lb 0x{address}' for address in addresses(guest)]
    commands += ['c', 'trace on', f's {STEPS}', 'trace off'] * sections + ['q']
    (folder / 'commands').write_text('\n'.join(commands) + '\n')
    run = subprocess.run(['bochs-bin', '-q', '-f', folder / 'bochsrc', '-rc', folder / 'commands'], cwd=folder,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors='replace', timeout=seconds)
    parts = re.split(r'^\(0\) Breakpoint .*$', run.stdout, flags=re.MULTILINE)[2:]
    return [whole_rounds(INSTRUCTION.findall(part)) for part in parts]
