"""Protocol buffers and TFRecords, of which a few fields are read and written."""

import struct

__all__ = ["CorruptFile", "field", "fields", "records", "varint"]

_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected
_MASK = 0xA282EAD8


class CorruptFile(Exception):
    """A file is truncated or damaged."""


def fields(message, number):
    """Yields the contents of the length-delimited fields with a number.

    Of a `memoryview`, they are parts of it.
    """
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        kind = tag & 7
        if kind == 0:
            _, position = _read_varint(message, position)
        elif kind == 2:
            size, position = _read_varint(message, position)
            if tag >> 3 == number:
                yield message[position : position + size]
            position += size
        else:
            position += {1: 8, 5: 4}[kind]


def field(number, content):
    """Serializes a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value):
    """Serializes an integer that is not negative."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def records(content):
    """Yields the records of a TFRecord file.

    Reference:
        `tensorflow/core/lib/io/record_writer.h`
    """
    position = 0
    while position < len(content):
        size = content[position : position + 8]
        [check] = _integers("<I", content[position + 8 : position + 12])
        if check != _masked_crc(size):
            raise CorruptFile
        [length] = _integers("<Q", size)
        position += 12
        record = content[position : position + length]
        [check] = _integers("<I", content[position + length : position + length + 4])
        if check != _masked_crc(record):
            raise CorruptFile
        position += length + 4
        yield record


def _integers(form, content):
    if len(content) != struct.calcsize(form):
        raise CorruptFile
    return struct.unpack(form, content)


def _masked_crc(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ _POLYNOMIAL * (value & 1)
        yield value


_TABLE = tuple(_table())


def _read_varint(message, position):
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
