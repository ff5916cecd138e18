"""A plain reader of Mapbox Vector Tiles (specification 2.1) for tests."""
import struct


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data):
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif tag & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        elif tag & 7 == 5:
            value, at = data[at:at + 4], at + 4
        else:
            raise ValueError("wire type %d" % (tag & 7))
        yield tag >> 3, value


def _packed(data):
    at, values = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _zigzag(value):
    return (value >> 1) ^ -(value & 1)


def _value(data):
    for field, value in _fields(data):
        if field == 1:
            return value.decode()
        if field == 3:
            return struct.unpack("<d", value)[0]
        if field == 2:
            return struct.unpack("<f", value)[0]
        if field == 6:
            return _zigzag(value)
        if field == 7:
            return bool(value)
        return value - (1 << 64) if field == 4 and value >> 63 else value
    raise ValueError("empty value")


def _paths(commands):
    paths, at, x, y = [], 0, 0, 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == 7:
            paths[-1].append(paths[-1][0])
            continue
        for _ in range(count):
            x += _zigzag(commands[at])
            y += _zigzag(commands[at + 1])
            at += 2
            if command == 1:
                paths.append([])
            paths[-1].append((x, y))
    return paths


def read(data):
    """Name of layer -> list of {"id", "type", "paths", "tags"}; two layers of a name are an error."""
    layers = {}
    for field, layer in _fields(data):
        assert field == 3, field
        name, keys, values, features = None, [], [], []
        for number, value in _fields(layer):
            if number == 1:
                name = value.decode()
            elif number == 2:
                features.append(dict(_fields(value)))
            elif number == 3:
                keys.append(value.decode())
            elif number == 4:
                values.append(_value(value))
        assert name not in layers, name
        layers[name] = []
        for feature in features:
            tags = _packed(feature.get(2, b""))
            layers[name].append({
                "id": feature.get(1), "type": feature.get(3), "paths": _paths(_packed(feature[4])),
                "tags": {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2])}})
    return layers
