"""What is in a Debian package of a Linux kernel: files, modules, and the order to load them in."""
import pathlib
import re
import subprocess
import tarfile


def package_files(deb, wanted):
    """The plain files of the package DEB whose names match the regular expression WANTED, by name without './'."""
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode='r|') as tar:
            found = {m.name[2:]: tar.extractfile(m).read() for m in tar if m.isfile() and re.search(wanted, m.name)}
    if process.returncode or not found:
        raise SystemExit(f'{deb}: cannot be read, or nothing in it matches {wanted}')
    return found


def module_name(path):
    return pathlib.PurePath(path).name.split('.')[0].replace('-', '_')


def modules_of(files):
    """{name as the kernel spells it: module} of a package's files."""
    return {module_name(name): data for name, data in files.items() if name.endswith('.ko')}


def dependencies(module):
    match = re.search(rb'\0depends=([^\0]*)\0', module)
    return [d.replace('-', '_') for d in match.group(1).decode().split(',') if d] if match else []


def load_order(modules, wanted):
    """WANTED and all they depend on, each after what it depends on; what the kernel has built in is left out."""
    order = []

    def add(name):
        if name in modules and name not in order:
            for other in dependencies(modules[name]):
                add(other)
            order.append(name)

    for name in wanted:
        add(name)
    return order
