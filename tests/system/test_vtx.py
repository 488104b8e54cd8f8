"""What only the machine with VT-x shows, Bochs: many vCPUs on one CPU, and one on many."""
import argparse
import fcntl
import re
import subprocess
import time

import pexpect
import pytest
from pexpect.popen_spawn import PopenSpawn
from shell_output import Answers
from test_scheduling import times

import bochs
import build
import conftest
import machine


def paste(host, command):
    """Types COMMAND and lines behind it as fast as the serial line is: the shell gets them all, and whole."""
    marks = [f'{number} {"x" * 60}' for number in range(12)]
    host.serial.send(''.join(f'{line}\r' for line in [command, *(f'echo {mark}' for mark in marks)]))
    for mark in marks:
        host.expect(rf'\n{mark}\r')
    host.shell()


@pytest.mark.parametrize('smp', [1, pytest.param(2, marks=pytest.mark.long)])
def test_interrupts_off_does_not_keep_the_cpu(boot, guest_files, smp):
    """Virtual CPUs that run without end and without interrupts share a CPU with each other and with the shell."""
    host = boot(cpu='intel', smp=smp, debian=False, isos=[guest_files.parent / 'tests/guests/spin.iso'])
    host.shell()
    host.command('create -q spin name=one vcpus=2 memory=64')
    host.command('create -q spin name=two vcpus=1 memory=64')
    host.command("wait one console 'spinning' 30")
    host.command("wait two console 'spinning' 30")
    before = times(host.command('list'))
    host.command('sleep 1')
    after = times(host.command('list'))
    assert all(after[name] > before[name] + 0.2 for name in ('one', 'two')), (before, after)
    # They keep interrupts waiting a millisecond; init clears memory and ends a domain.
    paste(host, 'create -q -p spin name=three memory=256')
    paste(host, 'destroy three')
    assert 'lost' not in host.command('log console')
    host.command('destroy one')
    host.command('destroy two')
    host.poweroff()


def test_typed_lines_are_whole(boot, guest_files):
    """Nothing that is typed is lost or doubled while guests want the CPU. Bochs, like a real UART, tells late of a FIFO
    that is not full, and once of one that is empty by then."""
    host = boot(cpu='intel', debian=False, isos=[guest_files.parent / 'tests/guests/spin.iso'])
    host.shell()
    host.command('create -q spin name=one vcpus=2 memory=64')
    for line in range(40):
        typed = ''.join(chr(ord('a') + (line + place * 7) % 26) for place in range(60))
        host.line(typed)
        host.expect('no such verb')
        echo = conftest.ESCAPES.sub('', host.serial.before).strip().split()[0]
        assert echo == typed, f'line {line}'
        host.shell()
    host.poweroff()


@pytest.mark.long
def test_firmware_leaves_vtx_to_us(boot):
    """OVMF leaves IA32_FEATURE_CONTROL 0 and open, so that VMXON would be refused. No MADT, so no shell."""
    host = boot(cpu='intel', uefi=True, debian=False)
    host.expect('VT-x: EPT', 120)
    host.expect(r'\[init\] 1 CPUs')


DEBIAN = """name = "guest"
builder = "hvm"
memory = 256
vcpus = {vcpus}
disk = ["file:{iso},hdc:cdrom,r"]
boot = "d"
serial = "pty"
"""


@pytest.mark.long
@pytest.mark.parametrize('iso, vcpus', [('debian-686.iso', 1), ('debian-686.iso', 2), ('debian.iso', 1)])
def test_debian_kernels(run_commands, guest_files, iso, vcpus):
    """PAE paging is of 686-pae only: its page-directory pointers are in the VMCS."""
    status, printed = run_commands([
        'create guest', f"wait guest console 'CPUS {vcpus}' 120", "wait guest console '# ' 60",
        "type -c guest 'complaints; poweroff<enter>'", 'wait guest state gone 60', 'log'], 300, cpu='intel',
        isos=[guest_files / iso], debian=False, texts={'etc/domains/guest': DEBIAN.format(iso=iso, vcpus=vcpus)})
    assert status == 0, printed
    assert 'domain 1 (guest) powered off: the guest powered off' in Answers(printed)['log']


# An image, what its console shows when it can be used, what is typed there, and the answer.
@pytest.mark.parametrize('image, ready, typed, answer', [
    ('tests/guests/hostile.iso', 'hostile ready', 'nothing', 'no attack nothing'),
    pytest.param('guests/debian-cloud.iso', '# ', 'echo answer $((6*7))', 'answer 42', marks=pytest.mark.long)],
    ids=['test-guest', 'debian'])
def test_run_interactive(image, ready, typed, answer):
    """As test_shell.py has it for QEMU, with a guest's console, Ctrl-], and Ctrl-A x among other keys."""
    guest = build.BUILD / image
    run = pexpect.spawn(str(build.ROOT / 'scripts/run'), ['--cpu', 'intel', '--smp', '2', '--memory', '768', '--iso',
                        str(guest)], encoding='utf-8', codec_errors='replace', timeout=240 * conftest.PATIENCE)
    run.expect('Bulkhead boots')
    run.expect('bulkhead> ')
    run.send('info\r')
    run.expect(r'nr_cpus +: 2\r')
    run.expect('bulkhead> ')
    run.send(f'create -q {guest.stem}; console {guest.stem}\r')
    run.expect(ready)
    run.send(f'{typed}\r')
    run.expect(answer)
    run.send('\x1d')
    run.expect(rf'\[left {guest.stem}')
    run.expect('bulkhead> ')
    run.send('echo half\x01x')
    run.expect(pexpect.EOF, timeout=30 * conftest.PATIENCE)
    run.close()
    assert run.exitstatus == 0


def run_copier(disk):
    return PopenSpawn(machine.command_line(build.BUILD / 'tests/guests/copier.iso', 'intel', memory=64, disks=[disk]),
                      encoding='utf-8', codec_errors='replace', timeout=120 * conftest.PATIENCE)


def test_disk_of_the_machine(tmp_path):
    """A guest of the bare machine writes to its disk and reads that again; it is FILE, of one machine at a time."""
    disk = tmp_path / 'disk.img'
    disk.write_bytes(bytes(4 << 20))
    guest = run_copier(disk)
    try:
        guest.expect('copier round 32')
        second = run_copier(disk)
        second.expect('the disk of another machine that runs')
        second.expect(pexpect.EOF)
    finally:
        guest.proc.terminate()
        guest.proc.wait()
    written = disk.read_bytes()
    assert len(written) == 4 << 20 and any(written[:1 << 14]) and any(written[1 << 19:])
    with open(disk) as file:  # nothing is left that keeps the next machine from it
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert [path.name for path in tmp_path.iterdir()] == ['disk.img']


POOL = 0xffff900000000000  # kernel/memory.h


def symbol(name):
    names = subprocess.run(['nm', build.BUILD / 'kernel/bulkhead.elf'], check=True, stdout=subprocess.PIPE, text=True)
    return '0x' + re.search(rf'^(\w+) \w {name}$', names.stdout, re.MULTILINE).group(1)


def debug(folder, image, commands):
    """Bochs with commands of its debugger; it runs on."""
    options = argparse.Namespace(model='intel', smp=2, memory=1024, uefi=False, image=image, disk=[])
    settings = bochs.settings(options, 'none', folder)
    settings = settings.replace('mode=term, dev=none', f'mode=file, dev={folder}/serial')
    # A CPU that shuts down is a panic to Bochs.
    (folder / 'bochsrc').write_text(settings.replace('panic: action=fatal', 'panic: action=report'))
    (folder / 'commands').write_text('\n'.join([*commands, '']))
    return subprocess.Popen(['bochs-bin', '-q', '-f', folder / 'bochsrc', '-rc', folder / 'commands'], cwd=folder,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors='replace')


@pytest.mark.long
def test_vmx_abort(guest_files, tmp_path):
    """The list of MSRs that exits load gets one that cannot be: the guest's CPU shuts down at its next exit, and the
    first CPU that wants something of it says so."""
    spin = guest_files.parent / 'tests/guests/spin.iso'
    image = machine.make_image(tmp_path / 'bulkhead.iso', [spin], arguments='noreboot', commands=[
        'create -q spin name=one vcpus=1 memory=64 cpus=1', 'sleep 1', 'destroy one'])
    entered = [f'lb {symbol("vmx_enter_guest")}', 'c', 'd 1']
    looked = debug(tmp_path, image, [*entered, f'x /1gx {symbol("host_msrs")}', f'page {POOL:#x}', 'q'])
    printed, _ = looked.communicate(timeout=60 * conftest.PATIENCE)
    assert 'maps to' in printed, printed
    place = int(re.search(r'>:\s+0x([0-9a-f]{16})', printed).group(1), 16) - POOL
    place += int(re.search(r'maps to physical page 0x(\w+)', printed).group(1), 16)
    (tmp_path / 'serial').unlink()
    broken = debug(tmp_path, image, [*entered, f'setpmem {place:#x} 4 0x800', 'c'])
    serial, end = '', time.monotonic() + 60 * conftest.PATIENCE
    while 'The core has stopped' not in serial and time.monotonic() < end:
        time.sleep(1)
        serial = (tmp_path / 'serial').read_text(errors='replace') if (tmp_path / 'serial').exists() else ''
    broken.kill()
    broken.wait()
    # Bochs 2.7 counts from 0: the manual's number of what fails here is 4.
    assert re.search(r'PANIC on CPU 0: CPU 1 has shut down as it came back from a guest: VMX abort \d', serial), serial
    assert 'CPU 1 has shut down: VMX abort' in serial, serial
