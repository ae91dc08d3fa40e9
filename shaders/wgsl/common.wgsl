// Shared by the kernels. Signed 16-bit numbers travel two to a word, the first in the lower half.

fn first_half(word: u32) -> i32 {
    return extractBits(bitcast<i32>(word), 0u, 16u);
}

fn second_half(word: u32) -> i32 {
    return bitcast<i32>(word) >> 16u;
}

fn join_halves(first: i32, second: i32) -> u32 {
    return (bitcast<u32>(first) & 0xffffu) | (bitcast<u32>(second) << 16u);
}

// A sum of weighted samples, held to the least and the greatest of the nearest: it overshoots them by no more than a
// part of their difference, which is in the weights.
fn hold(sum: vec4i, low: vec4i, high: vec4i, near: i32, far: i32) -> vec4i {
    return max(min(sum, near * high + far * low), near * low + far * high);
}

// Chris Wellons, hash-prospector: lowbias32.
fn hash(value: u32) -> u32 {
    var x = value;
    x = (x ^ (x >> 16u)) * 0x7feb352du;
    x = (x ^ (x >> 15u)) * 0x846ca68bu;
    return x ^ (x >> 16u);
}
