"""Machines that lack what others have: clocks; what is known of the machine."""
import re

import pytest

import build
import machine

# board, CPUs, and the clock that the TSC is measured with
BOARDS = [pytest.param('q35', 1, 'HPET', id='all-clocks'),
          pytest.param('q35,hpet=off', 4, 'ACPI PM timer', id='no-HPET'),
          pytest.param('q35,pit=off,hpet=off', 1, 'ACPI PM timer', id='no-HPET-no-PIT')]


def tsc_khz(printed):
    return int(re.search(r'TSC (\d+) kHz by the', printed).group(1))


@pytest.mark.qemu
@pytest.mark.parametrize('board, smp, clock', BOARDS)
def test_clocks(run_commands, board, smp, clock):
    exact = board == 'q35,pit=off,hpet=off'  # one clock, which no other one contradicts
    status, printed = run_commands(['sleep 0.2', 'info --json'], smp=smp, board=board, icount=exact,
                                   debian=False)
    assert status == 0
    assert f'kHz by the {clock}' in printed
    assert '"cpu_model": "family 23 model 1 stepping 2, microcode 0x1000065", "cpu_errata": "none known"' in printed
    assert 'MTRRs off' not in printed and printed.count('were not those of CPU 0; set') in (0, smp - 1)
    assert 'is not believed' not in printed
    if exact:  # an instruction a nanosecond
        assert 999000 <= tsc_khz(printed) <= 1001000


def further_cpu(socket, lacks=''):
    model, *features = machine.CPU.split(',')
    settings = [f'{feature[1:]}={"on" if feature[0] == "+" else "off"}' for feature in features]
    return ','.join([f'{model}-x86_64-cpu', *settings, f'socket-id={socket},core-id=0,thread-id=0{lacks}'])


LEAK = """name = "{name}"
builder = "hvm"
memory = 32
serial = "pty"
boot = "d"
cpus = "{cpu}"
disk = ["file:leak.iso,hdc:cdrom,r"]
"""
AES, AVX, SSE4_2 = 1 << 25, 1 << 28, 1 << 20


@pytest.mark.qemu
def test_cpus_that_lack_features(boot):
    """One that lacks what the core needs is left out, and those behind it are used. What else one lacks no domain is
    offered, on whatever CPU, and AVX is not switched then."""
    files = {'images/leak.iso': build.BUILD / 'tests/guests/leak.iso'}
    host = boot(smp='1,maxcpus=4,sockets=4', debian=False, files=files,
                texts={f'etc/domains/on{cpu}': LEAK.format(name=f'on{cpu}', cpu=cpu) for cpu in (0, 2)},
                devices=[further_cpu(1, lacks=',smap=off'), further_cpu(2), further_cpu(3, lacks=',aes=off,avx=off')])
    host.shell()
    printed = host.serial.before
    missing = int(re.search(r'CPU with APIC id 3 lacks bits (\w+) of CPUID 1 ECX, which the first CPU has: '
                            r'no domain is offered them', printed).group(1), 16)
    assert missing & (AES | AVX | SSE4_2) == AES | AVX
    assert 'CPU with APIC id 3 lacks bits 0x4 of CPUID Dh EAX' in printed
    assert 'CPU with APIC id 1 lacks bits 0x100000 of CPUID 7 EBX, which the first CPU has: it is not used' in printed
    assert re.search(r'\] 3 CPUs\r?\n', printed) and 'APIC id 2 ' not in printed
    for name in ('on0', 'on2'):
        host.command(f'create -q {name}')
        host.command(f"wait {name} console 'CPUID 1 ECX' 20", 30)
        host.line(f'console {name}')
        said = host.expect(r'leak XCR0 [0-9a-f]+, CPUID 1 ECX ([0-9a-f]+)\r?\n', 30)
        assert int(said.group(1), 16) & (AES | AVX | SSE4_2) == SSE4_2
        host.line('\x1d')
        host.shell()


@pytest.mark.qemu
def test_deadline_that_does_not_fire(run_commands):
    """QEMU's TCG has no such mode; told to say that it has, it takes the writes and does nothing."""
    status, printed = run_commands(['sleep 1', 'info --json'], debian=False,
                                   model=f'{machine.CPU},+tsc-deadline,x-force-features=on')
    assert status == 0
    assert 'the TSC deadline timer does not go by the TSC, and is not used' in printed
    assert re.search(r"timers: local APIC's at \d+ kHz", printed)


@pytest.mark.qemu
def test_no_clock(boot):
    """The board without ACPI tables, HPET and 8254: the core says what is missing, and stops."""
    host = boot(board='pc,hpet=off,pit=off,acpi=off', debian=False)
    host.expect('PANIC on CPU 0: no clock to measure the TSC with: no HPET, no ACPI PM timer, no 8254, no CPUID leaf')
    host.expect('The core has stopped')


@pytest.mark.parametrize('smp', [1, pytest.param(4, marks=pytest.mark.long)])
def test_told_rate_is_wrong(run_commands, smp):
    """Bochs' TSC runs at 100 MHz; its CPUID tells the rate of the CPU that it is like."""
    status, printed = run_commands(['info --json'], 240, smp=smp, cpu='intel', debian=False)
    assert status == 0
    assert 99000 <= tsc_khz(printed) <= 101000
    assert '"cpu_model": "family 6 model 85 stepping 4, microcode unknown"' in printed
    assert ('"cpu_errata": "TSC deadline timer may be late with microcode before 0x2000014, and is not used for that"'
            in printed)
    assert 'deadline timer may be late on this CPU with microcode 0, before 0x2000014, and is not used' in printed
    assert 'MTRRs off' not in printed and printed.count('were not those of CPU 0; set') in (0, smp - 1)
    assert re.search(r'\] \d CPUs?, x2APIC', printed) and "timers: local APIC's at " in printed
    assert re.search(r'TSC: the CPUID leaf 16h says 3\d+ kHz, and is not believed', printed)
