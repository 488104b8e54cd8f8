"""Debian's kernels with a busybox shell: through SeaBIOS from a CD and by direct boot, used over the serial console."""
import pytest
from shell_output import Answers, parse_json

BOOT_SECONDS = 120
BOOTS = [pytest.param('debian', 1, 1, 'amd', id='cd-1-vCPU-1-CPU'),
         pytest.param('debian', 2, 4, 'amd', id='cd-2-vCPUs-4-CPUs'),
         pytest.param('debian-direct', 1, 4, 'amd', id='direct-1-vCPU-4-CPUs'),
         pytest.param('debian-direct', 2, 1, 'amd', id='direct-2-vCPUs-1-CPU'),
         pytest.param('debian-direct', 2, 2, 'intel', id='direct-2-vCPUs-2-CPUs-intel')]


def console(domain, text, seconds=BOOT_SECONDS):
    return f"wait {domain} console '{text}' {seconds}"


def type_line(domain, line):
    return f"type -c {domain} '{line}<enter>'"


@pytest.mark.parametrize('domain, vcpus, smp, cpu', BOOTS)
def test_boot_to_poweroff(run_commands, domain, vcpus, smp, cpu):
    status, printed = run_commands([
        f'create {domain} vcpus={vcpus}', console(domain, f'CPUS {vcpus}'), console(domain, '# '),
        type_line(domain, 'echo answer $((6*7)) $(grep -c ^processor /proc/cpuinfo) $(grep -o svm /proc/cpuinfo)'),
        console(domain, f'answer 42 {vcpus}', 20), 'vcpu-list --json', f'log {domain}',
        type_line(domain, 'poweroff'), f'wait {domain} state gone 60', 'log', 'list --json'], 300, smp=smp, cpu=cpu)
    assert status == 0, printed
    answers = Answers(printed)
    assert [v['vcpu'] for v in answers.json('vcpu-list --json')] == list(range(vcpus))
    assert f'domain 1 ({domain}) powered off: the guest powered off' in answers['log']
    assert [d['name'] for d in answers.json('list --json')] == ['Domain-0']


@pytest.mark.parametrize('smp', [1, 4])
def test_power_button(run_commands, smp):
    """`shutdown` presses the button, which the guest obeys; `reboot` does, and starts it again."""
    status, printed = run_commands([
        'create debian-direct', console('debian-direct', 'CPUS 1'), console('debian-direct', '# '),
        'reboot -w debian-direct', console('debian-direct', 'CPUS 1'), console('debian-direct', '# '),
        'domid debian-direct', 'shutdown -w debian-direct', 'wait debian-direct state gone 5', 'log'], 300, smp=smp)
    assert status == 0, printed
    answers = Answers(printed)
    assert answers['domid debian-direct'].startswith('2\n')
    for number in (1, 2):
        assert f'domain {number} (debian-direct) powered off' in answers['log']


def test_idle_guest_uses_no_cpu(run_commands):
    status, printed = run_commands([
        'create debian-direct', console('debian-direct', 'CPUS 1'), 'sleep 3', 'vcpu-list --json', 'list --json',
        'sleep 10', 'uptime --json', 'vcpu-list', 'list debian-direct --json'])
    assert status == 0, printed
    answers = Answers(printed)
    before, after = answers.json('list --json')[1], answers.json('list debian-direct --json')[0]
    assert after['state'] == '-b----'
    assert after['time'] - before['time'] <= 1


def test_reboot_in_the_guest(run_commands):
    """`reboot` typed in the guest resets the machine: the same domain boots again."""
    status, printed = run_commands([
        'create debian-direct', console('debian-direct', 'CPUS 1'), console('debian-direct', '# '),
        type_line('debian-direct', 'reboot -f'), console('debian-direct', 'CPUS 1'), console('debian-direct', '# '),
        'domid debian-direct', 'log debian-direct'], 300)
    assert status == 0, printed
    assert Answers(printed)['domid debian-direct'].startswith('1\n')


DISKS = """name = "{name}"
builder = "hvm"
memory = 256
vcpus = {vcpus}
disk = ["file:{iso},hdc:cdrom,r", "ram:16M,hda,w"]
boot = "d"
serial = "pty"
on_poweroff = "preserve"
"""


def use_kernel(run_commands, iso, vcpus, smp):
    """From the CD ISO to a shell with VCPUS online, the CD read, the disk written and read, and to the power-off."""
    status, printed = run_commands([
        'create guest', console('guest', f'CPUS {vcpus}', 180), console('guest', '# ', 20),
        type_line('guest', 'cat /sys/devices/system/cpu/online | sed s/^/online_/'),
        console('guest', f'online_0-{vcpus - 1}', 20),
        type_line('guest', 'verify'), console('guest', 'VERIFY good', 180),
        type_line('guest', 'disk'), console('guest', 'DISK good', 180),
        type_line('guest', 'complaints'), console('guest', 'COMPLAINTS 0', 20), 'log guest',
        type_line('guest', 'poweroff'), 'wait guest state shutdown 60', 'list --json', 'log', 'destroy guest'],
        600, smp=smp, isos=[] if iso.name == 'debian-cloud.iso' else [iso],
        texts={'etc/domains/guest': DISKS.format(name='guest', iso=iso.name, vcpus=vcpus)})
    assert status == 0, printed
    answers = Answers(printed)
    # It is kept, as on_poweroff asks, and known to be powered off rather than crashed.
    assert [d['state'] for d in answers.json('list --json')[1:]] == ['---s--']
    assert 'domain 1 (guest) powered off: the guest powered off' in answers['log']


@pytest.mark.parametrize('iso, vcpus, smp', [('debian-cloud.iso', 4, 1), ('debian.iso', 2, 4),
                                             ('debian-686.iso', 2, 1)])
def test_kernel_uses_cd_and_disk(run_commands, guest_files, iso, vcpus, smp):
    use_kernel(run_commands, guest_files / iso, vcpus, smp)


@pytest.mark.long
@pytest.mark.parametrize('smp', [1, 4])
@pytest.mark.parametrize('vcpus', [2, 4])
@pytest.mark.parametrize('iso', ['debian-cloud.iso', 'debian.iso', 'debian-686.iso'])
def test_every_kernel_uses_cd_and_disk(run_commands, guest_files, iso, vcpus, smp):
    use_kernel(run_commands, guest_files / iso, vcpus, smp)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize('smp', [1, 4])
def test_busy_vcpus_lose_no_time(run_commands, smp):
    """Four vCPUs that never halt: ten seconds of the guest are ten of the host, and its kernel sees nothing stuck."""
    status, printed = run_commands([
        'create debian-direct vcpus=4', console('debian-direct', 'CPUS 4'), console('debian-direct', '# '),
        type_line('debian-direct', 'for i in 1 2 3 4; do while :; do :; done & done; echo busy_$((2 * 2))'),
        console('debian-direct', 'busy_4', 30), 'uptime --json',
        type_line('debian-direct', 'sleep 10; echo slept_$((5 * 2))'), console('debian-direct', 'slept_10', 60),
        'uptime --json', type_line('debian-direct', 'complaints'), console('debian-direct', 'COMPLAINTS 0', 30)],
        400, smp=smp)
    assert status == 0, printed
    before, after = (parse_json(answer)[1]['ms'] for asked, answer in Answers(printed).all if asked == 'uptime --json')
    assert 10000 <= after - before <= 13000


INSTALLER = """name = "installer"
builder = "hvm"
memory = 1024
vcpus = {vcpus}
kernel = "installer.vmlinuz"
ramdisk = "installer.initrd"
extra = "console=ttyS0 quiet"
disk = ["ram:64M,hda,w"]
serial = "pty"
"""


@pytest.mark.qemu  # the domain alone is as large as Bochs' machine
@pytest.mark.parametrize('vcpus, smp', [pytest.param(1, 1, id='1-vCPU-1-CPU'),
                                        pytest.param(4, 4, id='4-vCPUs-4-CPUs', marks=pytest.mark.long)])
def test_installer_asks_for_the_language(run_commands, guest_files, vcpus, smp):
    """Debian's installer draws its first dialog on the console, and a key there brings the next one."""
    status, printed = run_commands([
        'create installer', console('installer', '[!!] Select a language', 240),
        console('installer', '<Enter> activates buttons', 20), "type -c installer '<enter>'",
        console('installer', 'Select your location', 60), 'log installer', 'destroy installer'], 400, smp=smp,
        texts={'etc/domains/installer': INSTALLER.format(vcpus=vcpus)},
        files={f'images/{name}': guest_files / name for name in ('installer.vmlinuz', 'installer.initrd')})
    assert status == 0, printed


def test_writable_disk(run_commands):
    """A disk in memory: what the guest writes it reads again; a fresh one is zeros."""
    config = ('name = "disk"\nbuilder = "hvm"\nmemory = 256\nserial = "pty"\nkernel = "debian-cloud.vmlinuz"\n'
              'ramdisk = "debian-cloud.initrd"\nextra = "console=ttyS0 quiet"\ndisk = ["ram:16M,hda,w"]\n')
    write = 'head -c 3000000 /bin/busybox >/tmp/a; cat /tmp/a /tmp/a >/tmp/b; dd if=/tmp/b of=/dev/sda bs=64k seek=3'
    read = ('echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/sda bs=64k skip=3 | head -c $(stat -c %s /tmp/b) '
            '| cmp - /tmp/b')
    status, printed = run_commands([
        'create disk', console('disk', 'CPUS 1'), console('disk', '# '),
        type_line('disk', 'for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/sda ] && break; sleep 1; done; echo size '
                  '$(cat /sys/block/sda/size)'), console('disk', 'size 32768', 30),
        type_line('disk', 'head -c 100000 /dev/sda | tr -d "\\000" | wc -c | sed s/^/nonzero_/'),
        console('disk', 'nonzero_0', 20), type_line('disk', f'{write} && sync && echo written $?'),
        console('disk', 'written 0', 60), type_line('disk', f'{read} && echo the $((1+1)) are equal'),
        console('disk', 'the 2 are equal', 60), type_line('disk', 'poweroff'), 'wait disk state gone 60'], 300,
        texts={'etc/domains/disk': config})
    assert status == 0, printed
