"""The peer: Linux with KVM and its own QEMU, as Debian packages them, on the machine that Bulkhead is measured on."""
import io
import pathlib
import re
import stat
import subprocess

import archive
import build
import machine
from kernel_package import load_order, modules_of, package_files

PACKAGES = build.ROOT / 'ext/guests'
QEMU = '/usr/bin/qemu-system-x86_64'
FIRMWARE = ['/usr/share/seabios/bios-256k.bin', '/usr/share/seabios/vgabios-stdvga.bin',
            '/usr/share/qemu/linuxboot_dma.bin', '/usr/share/qemu/kvmvapic.bin']
DIRECTORIES = ['bin', 'dev', 'proc', 'sys', 'tmp']
# ccp: kvm_amd asks for it, though it needs none of its devices.
MODULES = ['irqbypass', 'ccp', 'kvm', 'kvm_amd']
# The domain that it stands beside: no device that Bulkhead's has not, the same firmware.
GUEST = f'{QEMU} -accel kvm -cpu host -M pc,vmport=off -vga std -nodefaults -display none -no-reboot -no-user-config'
INIT = '''#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
. /run
poweroff -f
'''
# Its QEMU goes on after the guest's last line, until all stops.
BENCH = f'''{GUEST} -m 64 -serial stdio -cdrom /guest.iso | while read -r line; do
    echo "$line"
    case "$line" in "bench done"*) poweroff -f ;; esac
done
'''
# QEMU waits, all set up, for `cont`, and stays when the guest has powered off: what its threads have run between these
# is what the guest's boot costs. With icount a nanosecond is an instruction.
BOOT = f'''ran() {{ cat /proc/$qemu/task/*/schedstat | awk '{{ ran += $1 }} END {{ printf "%d", ran }}'; }}
mkfifo /tmp/monitor
{GUEST} -no-shutdown -m 256 -serial file:/tmp/serial -kernel /guest.vmlinuz -initrd /guest.initrd -append "$guest" \\
    -S -monitor stdio </tmp/monitor >/dev/null &
qemu=$!
exec 3>/tmp/monitor
sleep 5
start=$(ran)
echo cont >&3
while ! grep -q "Power down" /tmp/serial; do sleep 1; done
sleep 1
end=$(ran)
cat /tmp/serial
echo "took $start $end"
'''


def libraries(program):
    """The shared libraries of PROGRAM and its interpreter, as ldd finds them."""
    run = subprocess.run(['ldd', program], check=True, stdout=subprocess.PIPE, text=True)
    return re.findall(r'(/\S+) \(0x', run.stdout)


def initramfs(run, guest):
    """Bytes of a root file system whose init boots Linux, loads KVM and runs the script RUN; GUEST: {name: file}."""
    kernel = package_files(str(PACKAGES / 'linux-image-amd64.deb'), r'\.ko$')
    busybox = package_files(str(PACKAGES / 'busybox-static.deb'), r'^\./bin/busybox$')['bin/busybox']
    modules = modules_of(kernel)
    order = load_order(modules, MODULES)
    files = {'init': (0o755, INIT.encode()), 'run': (0o755, run.encode()), 'bin/busybox': (0o755, busybox),
             'modules/order': (0o644, ''.join(f'{name}.ko\n' for name in order).encode()),
             'dev/console': (stat.S_IFCHR | 0o600, (5, 1))}
    files |= {f'modules/{name}.ko': (0o644, modules[name]) for name in order}
    files |= {path[1:]: (0o755, pathlib.Path(path).read_bytes()) for path in [QEMU, *libraries(QEMU), *FIRMWARE]}
    files |= {name: (0o644, path.read_bytes()) for name, path in guest.items()}
    folders = {str(parent) for name in files for parent in pathlib.PurePath(name).parents} - {'.'}
    files |= {name: (stat.S_IFDIR | 0o755, b'') for name in folders | set(DIRECTORIES)}
    out = io.BytesIO()
    archive.write(out, files, aligned=False)
    return out.getvalue()


def command_line(folder, run, guest, arguments='', plugin=None):
    """The command line of the machine that runs the script RUN on Linux; its image is made in FOLDER."""
    boot = package_files(str(PACKAGES / 'linux-image-amd64.deb'), r'^\./boot/vmlinuz-')
    (folder / 'vmlinuz').write_bytes(next(iter(boot.values())))
    (folder / 'initrd').write_bytes(initramfs(run, guest))
    return [*machine.qemu(None, memory=2048, icount=True, plugin=plugin), '-kernel', str(folder / 'vmlinuz'),
            '-initrd', str(folder / 'initrd'), '-append', f'console=ttyS0 quiet panic=-1 {arguments}']
