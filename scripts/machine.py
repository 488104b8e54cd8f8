"""The machine that Bulkhead runs on in QEMU, and the image made for one run."""
import pathlib
import re
import subprocess
import sys

import build

# What TCG does not emulate is taken out of the model, or QEMU warns about each.
CPU = 'EPYC,+svm' + ''.join(f',-{f}' for f in ('rdseed', 'sha-ni', 'fxsr-opt', 'misalignsse', '3dnowprefetch', 'osvw',
                                               'topoext', 'nrip-save', 'xsavec'))
UEFI = '/usr/share/ovmf/OVMF.fd'
STATUS_LINE = re.compile(rb'\[commands\] exit status (\d+)')
DOMAIN = '''# Written by scripts/run for --iso.
name = "{name}"
builder = "hvm"
memory = 512
vcpus = 1
disk = ["file:{image},hdc:cdrom,r"]
boot = "d"
serial = "pty"
'''


def split_commands(text):
    """Commands between semicolons and line ends, but not inside quotes."""
    commands = re.findall(r'''((?:[^;\n'"]|'[^'\n]*'|"[^"\n]*"|['"])+)''', text)
    return [c.strip() for c in commands if c.strip()]


def domain_name(path):
    return re.sub(r'[^A-Za-z0-9_.-]', '-', pathlib.Path(path).stem)


def built_parts(output, debian):
    """The file that lists what goes aboard; without Debian's guests one of those is made beside OUTPUT."""
    parts = build.BUILD / 'archive.list'
    if debian:
        return parts
    few = output.with_suffix('.list')
    few.write_text(''.join(line for line in open(parts) if not line.startswith('images/debian')))
    return few


def make_image(output, isos=(), configs=(), commands=(), texts=None, arguments='', files=None, kernel=None,
               debian=True):
    """Make OUTPUT of the built parts, ISO images, configurations (files), commands, {name: text}, {name: FILE}; KERNEL
    is another core than the built one. Without DEBIAN it is of 8 MB instead of 47, which Bochs loads in 2 seconds
    instead of 8."""
    output.parent.mkdir(parents=True, exist_ok=True)
    texts = dict(texts or {})
    if commands:
        texts['etc/commands'] = ''.join(f'{c}\n' for c in commands)
    names = {domain_name(path) for path in configs}
    command = [build.ROOT / 'scripts/make-image', '--kernel', kernel or build.BUILD / 'kernel/bulkhead.elf',
               '--list', built_parts(output, debian), '--arguments', arguments, '--output', output]
    for path in isos:
        command += ['--file', f'images/{pathlib.Path(path).name}={path}']
        if domain_name(path) not in names:
            texts.setdefault(f'etc/domains/{domain_name(path)}',
                             DOMAIN.format(name=domain_name(path), image=pathlib.Path(path).name))
    for path in configs:
        command += ['--file', f'etc/domains/{pathlib.Path(path).name}={path}']
    for name, path in (files or {}).items():
        command += ['--file', f'{name}={path}']
    for name, text in texts.items():
        command += ['--text', f'{name}={text}']
    if subprocess.run([str(c) for c in command]).returncode:
        sys.exit('the image could not be made')
    return output


def qemu(image, smp=1, memory=2048, disks=(), icount=False, gdb=False, uefi=False, reboot=False,
         serial=('-serial', 'stdio'), monitor=None, plugin=None, board='q35', model=CPU, devices=()):
    """The command line of QEMU with the CD IMAGE, or none; its monitor listens at the socket MONITOR; PLUGIN is
    FILE[,NAME=VALUE]...; BOARD may say what the machine lacks: q35,pit=off,hpet=off; MODEL what its CPUs have."""
    command = ['qemu-system-x86_64', '-accel', 'tcg', '-M', board, '-cpu', model, '-smp', str(smp), '-m', str(memory),
               '-nodefaults', '-display', 'none', *serial]
    if image:
        command += ['-drive', f'if=none,id=boot,media=cdrom,readonly=on,format=raw,file={image}',
                    '-device', 'ide-cd,drive=boot,bus=ide.0,bootindex=0']
    for number, disk in enumerate(disks):
        kind = 'qcow2' if str(disk).endswith('.qcow2') else 'raw'
        command += ['-drive', f'if=none,id=disk{number},format={kind},file={disk}',
                    '-device', f'ide-hd,drive=disk{number},bus=ide.{number + 1}']
    if icount:
        command += ['-icount', 'shift=0,sleep=off', '-seed', '1', '-rtc', 'base=2025-01-01T00:00:00,clock=vm']
    for device in devices:
        command += ['-device', device]
    if monitor:
        command += ['-monitor', f'unix:{monitor},server,nowait']
    if plugin:
        command += ['-plugin', plugin]
    if gdb:
        command += ['-gdb', 'tcp::1234' if gdb is True else f'unix:{gdb},server,nowait', '-S']
    if uefi:
        command += ['-bios', UEFI]
    if not reboot:
        command += ['-no-reboot']
    return command


def bochs(image, model='intel', smp=1, memory=1024, disks=(), uefi=False, reboot=False, keys=False):
    """The command line of the machine with VT-x; its clock is its instructions, always."""
    command = [sys.executable, str(build.ROOT / 'scripts/bochs.py'), '--model', model, '--smp', str(smp),
               '--memory', str(memory), str(image)]
    for disk in disks:
        command += ['--disk', str(disk)]
    return command + ['--uefi'] * uefi + ['--reboot'] * reboot + ['--keys'] * keys


def command_line(image, cpu='amd', **options):
    """The command line of the machine with a CPU of the vendor CPU: QEMU's AMD-V or Bochs' VT-x."""
    return qemu(image, **options) if cpu == 'amd' else bochs(image, cpu, **options)
