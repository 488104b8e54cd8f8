"""What has to be as it was when domains have ended, and a domain that works on its memory and disk."""
from shell_output import parse_json

COPIER = '''name = "copier"
builder = "hvm"
memory = 32
serial = "pty"
boot = "d"
disk = ["file:copier.iso,hdc:cdrom,r", "ram:4M,hda,w"]
'''

EXACT = ('free_pages', 'largest_free_range', 'kernel_pool_used', 'capabilities', 'threads', 'domains')


def exact(answer):
    """Of the answer to `info --json`."""
    facts = parse_json(answer)
    return {name: facts[name] for name in EXACT}
