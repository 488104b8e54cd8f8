"""Machines that lack what others have: clocks; what is known of the machine."""
import re

import pytest

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
    status, printed = run_commands(['sleep 0.2', 'info --json'], smp=smp, board=board, icount=exact)
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


@pytest.mark.qemu
def test_cpu_that_lacks_a_feature(run_commands):
    """It is left out, and those behind it are used."""
    status, printed = run_commands(['info --json'], smp='1,maxcpus=4,sockets=4', devices=[
        further_cpu(1, lacks=',smap=off'), further_cpu(2), further_cpu(3, lacks=',aes=off')])
    assert status == 0
    assert 'CPU with APIC id 1 lacks bits 0x100000 of CPUID 7 EBX, which the first CPU has: it is not used' in printed
    assert 'CPU with APIC id 3 lacks bits 0x2000000 of CPUID 1 ECX, which the first CPU has' in printed
    assert re.search(r'\] 2 CPUs\r?\n', printed) and 'APIC id 2 ' not in printed


def test_speculation_controls(run_commands):
    """Bochs' Ice Lake has SPEC_CTRL, PRED_CMD and ARCH_CAPABILITIES: what is decided there is done."""
    status, printed = run_commands(['info --json', 'counters --json'], cpu='intel-icelake')
    assert status == 0
    assert '"speculation": "returns after exits, IBPB between domains, IBRS; open: MDS (no MD_CLEAR)"' in printed
    assert int(re.search(r'"barriers", "count": (\d+)', printed).group(1)) > 100


@pytest.mark.qemu
def test_no_clock(boot):
    """The board without ACPI tables, HPET and 8254: the core says what is missing, and stops."""
    host = boot(board='pc,hpet=off,pit=off,acpi=off')
    host.expect('PANIC on CPU 0: no clock to measure the TSC with: no HPET, no ACPI PM timer, no 8254, no CPUID leaf')
    host.expect('The core has stopped')


@pytest.mark.parametrize('smp', [1, pytest.param(4, marks=pytest.mark.long)])
def test_told_rate_is_wrong(run_commands, smp):
    """Bochs' TSC runs at 100 MHz; its CPUID tells the rate of the CPU that it is like."""
    status, printed = run_commands(['info --json'], 240, smp=smp, cpu='intel', debian=False)
    assert status == 0
    assert 99000 <= tsc_khz(printed) <= 101000
    assert '"cpu_model": "family 6 model 85 stepping 4, microcode unknown"' in printed
    assert '"cpu_errata": "TSC deadline timer may be late with microcode before 0x2000014"' in printed
    assert 'MTRRs off' not in printed and printed.count('were not those of CPU 0; set') in (0, smp - 1)
    assert re.search(r'\] \d CPUs?, x2APIC', printed) and 'timers: TSC deadline' in printed
    assert re.search(r'TSC: the CPUID leaf 16h says 3\d+ kHz, and is not believed', printed)
