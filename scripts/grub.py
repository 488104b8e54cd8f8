"""Bootable ISO images, byte-identical for the same contents."""
import os
import pathlib
import shutil
import subprocess
import tempfile

# The moment that stands in every time stamp of an image, so that an image depends on its contents only.
EPOCH = 1735689600  # 2025-01-01T00:00:00Z
DATE = '2025010100000000'
BIOS = pathlib.Path('/usr/lib/grub/i386-pc')
EFI = pathlib.Path('/usr/lib/grub/x86_64-efi')


def _run(*command, **options):
    result = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=dict(os.environ, SOURCE_DATE_EPOCH=str(EPOCH), TZ='UTC', LC_ALL='C'), **options)
    if result.returncode:
        raise SystemExit(f'{command[0]} failed:\n{result.stdout.decode(errors="replace")}')


def _image(platform, output, config, modules):
    """GRUB's core as one file, with its configuration and all modules that it will need inside."""
    _run('grub-mkimage', '-O', platform, '-o', output, '-p', '/boot/grub', '-c', config, *modules)


def _efi_partition(output, program):
    """A FAT file system with PROGRAM where UEFI firmware looks for it (UEFI 2.10, 3.5.1.1)."""
    size = program.stat().st_size // 1024 + 256
    with open(output, 'wb') as f:
        f.truncate(size * 1024)
    _run('mformat', '-i', output, '-N', '0', '-v', 'EFI', '::')
    _run('mmd', '-i', output, '::/EFI', '::/EFI/BOOT')
    _run('mcopy', '-m', '-i', output, program, '::/EFI/BOOT/BOOTX64.EFI')


def make_iso(output, files, config, modules, volume, efi=True):
    """Make the ISO image OUTPUT of FILES {path on the CD: path here}; it boots GRUB with the text CONFIG."""
    with tempfile.TemporaryDirectory(prefix='bulkhead-iso-') as directory:
        work = pathlib.Path(directory)
        tree = work / 'tree'
        boot = tree / 'boot/grub'
        boot.mkdir(parents=True)
        (work / 'grub.cfg').write_text(config)
        # Later stages read the same text from the CD.
        (boot / 'grub.cfg').write_text(config)
        _image('i386-pc-eltorito', boot / 'bios.img', work / 'grub.cfg', ['biosdisk', *modules])
        options = ['-b', 'boot/grub/bios.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table']
        if efi:
            _image('x86_64-efi', work / 'bootx64.efi', work / 'grub.cfg', ['efi_gop', *modules])
            os.utime(work / 'bootx64.efi', (EPOCH, EPOCH))
            _efi_partition(boot / 'efi.img', work / 'bootx64.efi')
            options += ['-eltorito-alt-boot', '-e', 'boot/grub/efi.img', '-no-emul-boot']
        for name, source in files.items():
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        for path in [tree, *tree.rglob('*')]:
            os.utime(path, (EPOCH, EPOCH))
            path.chmod(0o755 if path.is_dir() else 0o644)
        temporary = pathlib.Path(f'{output}.part')
        _run('xorriso', '-as', 'mkisofs', '-quiet', '-r', '-J', '-V', volume, f'--modification-date={DATE}',
             '-uid', '0', '-gid', '0', *options, '-o', temporary, tree)
        temporary.rename(output)
