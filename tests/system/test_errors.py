"""Configurations, images and machines that cannot work: each refused with its reason, and nothing is created."""
import machine
import pytest
from conftest import MACHINES
from shell_output import parse_json

GOOD = 'name = "d"\nbuilder = "hvm"\nmemory = 64\n'
# name of a configuration, its text, what the refusal must hold
CONFIGURATIONS = [
    ('empty', '', ['name']),
    ('no-name', 'builder = "hvm"\nmemory = 64\n', ['name']),
    ('no-quote', 'name = "d\n', ['etc/domains/no-quote:1:']),
    ('no-value', 'name =\n', ['etc/domains/no-value:1:']),
    ('no-key', GOOD + '= 5\n', ['etc/domains/no-key:4:']),
    ('bare-word', GOOD + 'acpi = True\n', ['etc/domains/bare-word:4:', '"True"']),
    ('open-list', GOOD + 'disk = ["file:grub.iso,hdc:cdrom,r"\n', ['etc/domains/open-list:']),
    ('binary', GOOD + '\x01\x02\x03 = 1\n', ['etc/domains/binary:4:']),
    ('unknown', GOOD + 'flavour = "sweet"\n', ['etc/domains/unknown:4: flavour: is no key of xl.cfg(5)']),
    ('refused', GOOD + 'nestedhvm = 1\n', ['etc/domains/refused:4: nestedhvm:', 'accepted: 0']),
    ('wrong-type', 'name = "d"\nbuilder = "hvm"\nmemory = ["64"]\n', ['etc/domains/wrong-type:3: memory:']),
    ('many-vcpus', GOOD + 'vcpus = 9\n', ['many-vcpus:4: vcpus: 9 is out of range; accepted: 1 to 4']),
    ('no-vcpus', GOOD + 'vcpus = 0\n', ['no-vcpus:4: vcpus: 0 is out of range; accepted: 1 to 4']),
    ('little', 'name = "d"\nbuilder = "hvm"\nmemory = 1\n', ['memory: 1 is out of range; accepted: 8 to']),
    ('words', 'name = "d"\nbuilder = "hvm"\nmemory = "much"\n', ['words:3: memory: "much" is not a number']),
    ('pv', 'name = "d"\ntype = "pv"\n', ['pv:2: type: "pv" is not supported', 'accepted: "hvm"']),
    ('dom0', 'name = "Domain-0"\nbuilder = "hvm"\n', ['"Domain-0" is the name of dom0']),
    ('number', 'name = "17"\nbuilder = "hvm"\n', ['"17" is a number']),
    ('uuid', GOOD + 'uuid = "1234"\n', ['uuid:4: uuid: "1234" is no UUID']),
    ('network-boot', GOOD + 'boot = "n"\n', ['names the network, which is not supported yet']),
    ('network', GOOD + 'vif = ["bridge=xenbr0"]\n', ['vif:', 'there are no network devices']),
    ('drive', GOOD + 'disk = ["file:grub.iso,hdz:cdrom,r"]\n', ['drive:4: disk:']),
    ('drives', GOOD + 'disk = ["file:grub.iso,hdc:cdrom,r", "file:grub.iso,hdc:cdrom,r"]\n', ['drives:4: disk:']),
    ('no-drive', GOOD + 'disk = ["file:grub.iso"]\n', ['no-drive:4: disk:']),
    ('both', GOOD + 'vcpus = 9\nflavour = 1\n', ['both:4: vcpus:', 'both:5: flavour:']),
    ('deep', GOOD + 'disk = ' + '[' * 100 + ']' * 100 + '\n', ['deep:4:']),
    ('long', GOOD + 'extra = "' + 'x' * 5000 + '"\n', ['long:4: extra:']),
    ('huge', '#' * 70000 + '\n' + GOOD, ['are too large for a configuration (65536 at most)']),
]
# what is missing or no image, and what the refusal must hold
FILES = [
    ('no-image', 'disk = ["file:absent.iso,hdc:cdrom,r"]', ['no such image aboard: absent.iso; aboard are:',
                                                            'grub.iso']),
    ('no-iso', 'disk = ["file:text.iso,hdc:cdrom,r"]', ['images/text.iso is not an ISO image: no volume descriptor']),
    ('no-bytes', 'disk = ["file:nothing.iso,hdc:cdrom,r"]', ['images/nothing.iso is not an ISO image']),
    ('no-iso-kernel', 'disk = ["file:debian-cloud.vmlinuz,hdc:cdrom,r"]', ['is not an ISO image']),
    ('no-kernel', 'kernel = "absent"', ['no such kernel aboard: absent; aboard are:']),
    ('iso-kernel', 'kernel = "grub.iso"', ['images/grub.iso is not a Linux kernel (bzImage)']),
    ('text-kernel', 'kernel = "text.iso"', ['images/text.iso is not a Linux kernel (bzImage)']),
    ('no-ramdisk', 'kernel = "debian-cloud.vmlinuz"\nramdisk = "absent"', ['no such ramdisk aboard: absent']),
    ('much', 'memory = 4000', ['too little memory: of its 4000 MiB', 'are missing; see info']),
]


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_refused_configurations(boot, guest_files, cpu, smp):
    cases = CONFIGURATIONS + [(name, f'{GOOD}{text}\n', wanted) for name, text, wanted in FILES]
    texts = {f'etc/domains/{name}': text for name, text, _ in cases}
    texts['images/text.iso'] = 'This is no image.\n' * 3000
    texts['images/nothing.iso'] = ''
    host = boot(texts=texts, cpu=cpu, smp=smp, debian=False,
                files={'images/debian-cloud.vmlinuz': guest_files / 'debian-cloud.vmlinuz'})
    host.shell()
    free = parse_json(host.command('info --json'))['free_memory']
    wrong = []
    for name, _, parts in cases:
        answer = host.command(f'create -p {name}')
        wrong += [f'{name}: {answer!r} holds no {part!r}' for part in [*parts, 'create: '] if part not in answer]
    assert not wrong, '\n'.join(wrong)
    facts = parse_json(host.command('info --json'))
    assert facts['domains'] == 0
    assert facts['free_memory'] == free
    assert len(parse_json(host.command('list --json'))) == 1
    host.poweroff()


def test_warnings(run_commands):
    """What a guest cannot notice is accepted with a warning."""
    texts = {'etc/domains/warned': GOOD + 'vnc = 1\nvncdisplay = 3\nkeymap = "de"\n'}
    status, printed = run_commands(['create -p warned', 'domid d'], texts=texts, debian=False)
    assert status == 0
    for line, key in ((4, 'vnc'), (5, 'vncdisplay'), (6, 'keymap')):
        assert f'etc/domains/warned:{line}: warning: {key}:' in printed


def test_twice_the_same_name(run_commands):
    status, printed = run_commands(['create -p grub', 'create -p grub'], debian=False)
    assert status == 1
    assert 'domain grub already exists, with id 1' in printed


def test_too_little_memory_for_another(run_commands):
    """The second domain does not fit; the first is not touched."""
    status, printed = run_commands(['create -p grub memory=300', 'create -p grub name=second memory=300'], memory=600,
                                   debian=False)
    assert status == 1
    assert 'second: too little memory: of its 300 MiB' in printed


def test_nothing_to_boot(run_commands):
    """A CD that is an ISO image but holds no system: the firmware says so on the screen."""
    status, printed = run_commands([
        "create 'disk=[\"file:empty.iso,hdc:cdrom,r\"]' boot=d memory=64 name=empty builder=hvm",
        "wait empty screen 'No bootable device' 60"], debian=False,
        texts={'images/empty.iso': '\n' * 32769 + 'CD001' + '\n' * 32763})
    assert status == 0, printed


@pytest.mark.parametrize('cpu, without, reason', [
    ('amd', '-svm', 'this CPU has no AMD-V'),
    ('amd', '-npt', 'has no nested paging'),
    ('intel-lynnfield', '', 'unrestricted guest'),
])
def test_machine_without_virtualization(boot, cpu, without, reason):
    """Bulkhead boots, says what is missing, and refuses domains for that reason; all else works."""
    host = boot(cpu=cpu, debian=False, **({'model': f'{machine.CPU},{without}'} if without else {}))
    host.shell()
    said = parse_json(host.command('info --json'))['virtualization']
    assert said.startswith('none: ') and reason in said, said
    answer = host.command('create grub')
    assert 'no virtualization that can be used: ' in answer and reason in answer, answer
    assert reason in host.command('dmesg')
    host.poweroff()
