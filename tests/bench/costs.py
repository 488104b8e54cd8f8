"""What costs.c, the plugin of QEMU, counts."""
import json

import build


def plugin(path):
    """The argument of QEMU's -plugin that makes it write to PATH when QEMU ends."""
    return f'{build.BUILD}/tests/bench/costs.so,out={path}'


def counted(path):
    """Of each section a dictionary: name of what is counted, how often the host executed it. Section 0 is the rest."""
    return json.loads(path.read_text())['sections']
