"""The detectors of the judge: CenterFace for faces, NanoDet for persons. Neither is one that upright plans with.

Both are made ready for onnxruntime here, at any size of input, by writing the few fields of ONNX that it takes: the
package `onnx` would be a larger thing to fetch than both models.
"""

import json
import os
import struct

import film  # noqa: F401  (it keeps NumPy to one thread)
import numpy as np
import onnxruntime

onnxruntime.set_default_logger_severity(3)

CENTERFACE = "centerface.onnx"
NANODET = "nanodet.json"


# --- The wire format of protocol buffers


def varint(value):
    if value < 0:
        value += 1 << 64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field: an integer, a float, or bytes (a string, a message)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """The fields of a message in their order, as number and value."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif key & 7 == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            length, at = read_varint(data, at)
            value, at = bytes(data[at : at + length]), at + length
        yield key >> 3, value


# --- ONNX


def value_info(name, channels):
    """A picture of floats whose size is left open."""
    dimensions = [field(1, 1), field(1, channels), field(2, name + "_h"), field(2, name + "_w")]
    shape = b"".join(field(1, dimension) for dimension in dimensions)
    tensor = field(1, 1) + field(2, shape)
    return field(1, name) + field(2, field(1, tensor))


def attribute(name, value):
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    return field(1, name) + b"".join(field(8, int(item)) for item in value) + field(20, 7)


def node(kind, inputs, outputs, **attributes):
    out = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    out += field(4, kind)
    return out + b"".join(field(5, attribute(name, value)) for name, value in attributes.items())


def tensor(name, array):
    kind = {np.dtype("float32"): 1, np.dtype("int64"): 7}[array.dtype]
    out = b"".join(field(1, size) for size in array.shape)
    return out + field(2, kind) + field(8, name) + field(9, np.ascontiguousarray(array).tobytes())


def model(nodes, tensors, inputs, outputs):
    graph = b"".join(field(1, item) for item in nodes) + field(2, "graph")
    graph += b"".join(field(5, item) for item in tensors)
    graph += b"".join(field(11, item) for item in inputs) + b"".join(field(12, item) for item in outputs)
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def with_open_size(onnx, sizes):
    """The model with pictures of any size where `sizes`, names and channels, has one of its inputs and outputs."""
    out = b""
    for number, value in fields(onnx):
        if number == 7:
            graph = b""
            for inner, item in fields(value):
                name = dict(fields(item)).get(1, b"").decode("utf8", "replace") if inner in (11, 12) else None
                graph += field(inner, value_info(name, sizes[name]) if name in sizes else item)
            value = graph
        out += field(number, value)
    return out


def nanodet_as_onnx(path):
    """NanoDet, which is a graph for TensorFlow.js, as ONNX, and the names of its outputs: classes and sides, by level.

    The graph came from ONNX once, so that every convolution stands between two transpositions: all of it is kept in
    the order NCHW instead, and the heads end before their outputs were flattened for one size.
    """
    with open(path) as file:
        described = json.load(file)
    manifest = described["weightsManifest"][0]
    with open(os.path.join(os.path.dirname(path), manifest["paths"][0]), "rb") as file:
        data = file.read()
    constants, at = {}, 0
    for weight in manifest["weights"]:
        kind = weight.get("quantization", {}).get("dtype", weight["dtype"])
        count = int(np.prod(weight["shape"], dtype=np.int64))
        array = np.frombuffer(data, kind, count, at)
        at += array.nbytes
        constants[weight["name"]] = array.reshape(weight["shape"]).astype(weight["dtype"])
    assert at == len(data), "weights are left over"

    nodes, tensors, heads, same, resized = [], [], [], {}, 0

    def resolved(name):
        while name in same:
            name = same[name]
        return name

    def kept(name, array):
        tensors.append(tensor(name, array))
        return name

    for step in described["modelTopology"]["node"]:
        name, kind, attributes = step["name"], step["op"], step.get("attr", {})
        if kind in ("Const", "Placeholder", "SparseToDense", "AddV2", "Identity", "Reshape"):
            continue
        inputs = [resolved(item) for item in step["input"]]
        if kind == "Transpose":
            same[name] = inputs[0]
        elif kind == "Conv2D":
            strides = [int(item) for item in attributes["strides"]["list"]["i"]][1:3]
            weights = constants[inputs[1]].transpose(3, 2, 0, 1)
            nodes.append(node("Conv", [inputs[0], kept(name + "/w", weights)], [name], strides=strides))
        elif kind == "Add":
            if inputs[1] in constants:
                inputs[1] = kept(name + "/b", constants[inputs[1]].reshape(1, -1, 1, 1))
            nodes.append(node("Add", inputs, [name]))
        elif kind == "LeakyRelu":
            nodes.append(node("LeakyRelu", inputs, [name], alpha=float(attributes["alpha"]["f"])))
        elif kind == "ConcatV2":
            nodes.append(node("Concat", inputs[:-1], [name], axis=1))
        elif kind in ("Pad", "PadV2"):
            sides = constants[inputs[1]].T.reshape(-1).astype(np.int64)
            padded = [inputs[0], kept(name + "/p", sides)]
            if kind == "PadV2":
                padded.append(kept(name + "/v", constants[inputs[2]].astype(np.float32).reshape(())))
            nodes.append(node("Pad", padded, [name]))
        elif kind == "MaxPool":
            size, strides = ([int(item) for item in attributes[key]["list"]["i"]][1:3] for key in ("ksize", "strides"))
            nodes.append(node("MaxPool", inputs, [name], kernel_shape=size, strides=strides))
        elif kind == "ResizeBilinear":
            # From the coarsest level up to the finest, and down again.
            scale, resized = 2.0 if resized < 2 else 0.5, resized + 1
            scales = kept(name + "/s", np.array([1, 1, scale, scale], np.float32))
            nodes.append(node("Resize", [inputs[0], "", scales], [name], mode="linear",
                              coordinate_transformation_mode="half_pixel"))
        elif kind == "SplitV":
            sizes = constants[inputs[1]].astype(np.int64)
            nodes.append(node("Split", [inputs[0], kept(name + "/n", sizes)], [name, name + ":1"], axis=1))
        elif kind == "Sigmoid":
            nodes.append(node("Sigmoid", inputs, [name]))
            heads.append((name, inputs[0] + ":1"))
        else:
            raise ValueError(f"{kind} is not known")
    outputs = [value_info(name, channels) for pair in heads for name, channels in zip(pair, (80, 44))]
    return model(nodes, tensors, [value_info("input_1", 3)], outputs), heads


# --- Detecting


def session(onnx):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def overlap(box, boxes):
    """Intersection over union."""
    left, top = np.maximum(box[0], boxes[:, 0]), np.maximum(box[1], boxes[:, 1])
    right, bottom = np.minimum(box[2], boxes[:, 2]), np.minimum(box[3], boxes[:, 3])
    both = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return both / ((box[2] - box[0]) * (box[3] - box[1]) + areas - both + 1e-9)


def suppressed(boxes, scores, limit):
    """The boxes without those that overlap a better one, as rows of left, top, right, bottom, score."""
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        kept.append(order[0])
        order = order[1:][overlap(boxes[order[0]], boxes[order[1:]]) < limit]
    return np.column_stack([boxes[kept], scores[kept]]) if kept else np.zeros((0, 5))


def fitted(picture, unit):
    """The picture with black to the right and below, up to multiples of `unit`."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, -height % unit), (0, -width % unit), (0, 0)))


class Faces:
    def __init__(self, folder):
        with open(os.path.join(folder, CENTERFACE), "rb") as file:
            onnx = file.read()
        self.session = session(with_open_size(onnx, {"input.1": 3, "537": 1, "538": 2, "539": 2, "540": 10}))

    def __call__(self, picture, least):
        """Faces of an RGB picture as rows of left, top, right, bottom, score, in its pixels."""
        height, width = picture.shape[:2]
        blob = fitted(picture, 32).astype(np.float32).transpose(2, 0, 1)[None]
        heat, scale, offset = self.session.run(["537", "538", "539"], {"input.1": blob})
        rows, columns = np.nonzero(heat[0, 0] > least)
        high, wide = np.exp(scale[0][:, rows, columns]) * 4
        down, right = offset[0][:, rows, columns]
        left, top = (columns + right + 0.5) * 4 - wide / 2, (rows + down + 0.5) * 4 - high / 2
        boxes = np.column_stack([left, top, left + wide, top + high])
        boxes[:, 0::2], boxes[:, 1::2] = boxes[:, 0::2].clip(0, width), boxes[:, 1::2].clip(0, height)
        return suppressed(boxes, heat[0, 0][rows, columns], 0.3)


class Persons:
    # Of the configuration of NanoDet, for the order BGR.
    MEAN, DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)

    def __init__(self, folder):
        onnx, self.heads = nanodet_as_onnx(os.path.join(folder, NANODET))
        self.session = session(onnx)

    def __call__(self, picture, least):
        """Persons of an RGB picture as rows of left, top, right, bottom, score, in its pixels."""
        height, width = picture.shape[:2]
        mean, deviation = np.float32(self.MEAN), np.float32(self.DEVIATION)
        blob = ((fitted(picture, 32)[:, :, ::-1] - mean) / deviation).transpose(2, 0, 1)[None]
        names = [name for head in self.heads for name in head]
        found = self.session.run(names, {"input_1": np.ascontiguousarray(blob)})
        boxes, scores = [], []
        for classes, sides in zip(found[0::2], found[1::2]):
            stride = blob.shape[2] // classes.shape[2]
            person = classes[0, 0]
            rows, columns = np.nonzero(person > least)
            # The distance to each side is the mean of a distribution over 0 to 10 strides.
            share = sides[0][:, rows, columns].reshape(4, 11, -1)
            share = np.exp(share - share.max(1, keepdims=True))
            share /= share.sum(1, keepdims=True)
            left, top, right, bottom = (share * np.arange(11)[None, :, None]).sum(1) * stride
            x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
            boxes.append(np.column_stack([x - left, y - top, x + right, y + bottom]))
            scores.append(person[rows, columns])
        boxes = np.concatenate(boxes)
        boxes[:, 0::2], boxes[:, 1::2] = boxes[:, 0::2].clip(0, width), boxes[:, 1::2].clip(0, height)
        return suppressed(boxes, np.concatenate(scores), 0.5)
