"""The boot archive: cpio "newc", the same bytes for the same contents, each file's data on a page boundary."""
import stat

PAGE = 4096
HEADER = 110


def _record(out, name, data, mode, links, align, device=(0, 0)):
    encoded = name.encode() + b'\0'
    start = out.tell()
    if align:
        # NULs behind the name count as name: they move the data to where it can be mapped page by page.
        encoded += b'\0' * (-(start + HEADER + len(encoded)) % PAGE)
    fields = [0, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0]
    out.write(b'070701' + b''.join(b'%08X' % f for f in fields) + encoded)
    out.write(b'\0' * (-out.tell() % 4))
    out.write(data)
    out.write(b'\0' * (-out.tell() % 4))


def write(out, files, aligned=True):
    """Write FILES to the binary file OUT: a dictionary {name: (mode, data)}.

    A mode without a file type means a plain file; the data of a device file are its major and minor number.
    """
    for name in sorted(files):
        mode, data = files[name]
        if not stat.S_IFMT(mode):
            mode |= stat.S_IFREG
        if stat.S_ISCHR(mode):
            _record(out, name, b'', mode, 1, False, device=data)
            continue
        plain = stat.S_ISREG(mode) and len(data) > 0
        _record(out, name, data, mode, 2 if stat.S_ISDIR(mode) else 1, aligned and plain)
    _record(out, 'TRAILER!!!', b'', 0, 1, False)
    out.write(b'\0' * (-out.tell() % 512))
