#!/usr/bin/env python3
"""Write vm/objects/codec_maps.h: the upper halves of the single-byte encodings whose lower half is ASCII, with the names that Python knows them by."""
import codecs
import encodings.aliases

NAMES = ['iso8859-%d' % i for i in range(2, 17) if i != 12] + ['cp125%d' % i for i in range(9)] + \
    ['cp437', 'cp850', 'cp852', 'cp855', 'cp858', 'cp866', 'cp874', 'koi8-r', 'koi8-u', 'mac-roman']


def aliases(name):
    module = codecs.lookup(name).name.replace('-', '_')
    found = {name, module.replace('_', '-')}
    found.update(a.replace('_', '-') for a, target in encodings.aliases.aliases.items() if target == module)
    return ' '.join(sorted(found))


def upper_half(name):
    for b in range(128):
        assert bytes([b]).decode(name) == chr(b), name
    return [ord(bytes([b]).decode(name, 'replace')) for b in range(128, 256)]


out = ['/* Made by scripts/dev/make_codec_maps.py: code points of the bytes 0x80..0xFF of single-byte encodings; 0xFFFD: none. */',
       '#ifndef TINY_OBJECTS_CODEC_MAPS_H', '#define TINY_OBJECTS_CODEC_MAPS_H', '#include <stdint.h>',
       '/* names: in lower case with "-", between blanks */',
       'static const struct CodecMap { const char *names; uint16_t upper[128]; } codec_maps[] = {']
for name in NAMES:
    out.append('  {" %s ",' % aliases(name))
    values = ['0x%X' % v for v in upper_half(name)]
    lines = [', '.join(values[i:i + 16]) for i in range(0, 128, 16)]
    out.append('   {' + ',\n    '.join(lines) + '}},')
out += ['};', '#endif', '']
open('vm/objects/codec_maps.h', 'w').write('\n'.join(out))
