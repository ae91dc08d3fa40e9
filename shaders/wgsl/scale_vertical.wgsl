#import common

// Rows of 16-bit intermediate samples -> rows of the rung. One invocation makes one word of two or four samples.

struct Params {
    // Word offset of the filter: `height` first rows, then `height` rows of `pairs` words of weights.
    table: u32,
    pairs: u32,
    // Row of the picture that the first intermediate row is.
    first_row: u32,
    // Word offset of the intermediate rows of plane z = 0, words per row, words from plane z to z + 1.
    middle: u32,
    middle_stride: u32,
    middle_plane: u32,
    // Where the rung's samples go, likewise.
    output: u32,
    output_stride: u32,
    output_plane: u32,
    // Of the rung.
    output_log2_samples_per_word: u32,
    width: u32,
    height: u32,
    bias: i32,
    shift: u32,
    // Largest sample value.
    limit: i32,
    // 1 where noise is added, 0 where not.
    dither: u32,
    // Keys of the noise of planes z = 0 and z = 1.
    key_0: u32,
    key_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read> middle: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

fn middle_samples(row: u32, word: u32) -> vec4i {
    let at = row * params.middle_stride + word;
    let left = middle[at];
    // With two samples to a word, the right half is not used.
    let right = middle[at + 1u];
    return vec4i(first_half(left), second_half(left), first_half(right), second_half(right));
}

fn noise(x: u32, y: u32, plane: u32) -> i32 {
    let key = select(params.key_0, params.key_1, plane == 1u);
    return i32(hash(x + hash(y ^ key)) >> (32u - params.shift));
}

@compute @workgroup_size(64)
fn scale_vertical(@builtin(global_invocation_id) id: vec3u) {
    let x = id.x << params.output_log2_samples_per_word;
    let y = id.y;
    if x >= params.width {
        return;
    }
    let plane = params.middle + id.z * params.middle_plane;
    let word = plane + (x >> 1u);
    var row = input[params.table + y] - params.first_row;
    var weights = params.table + params.height + y * params.pairs;
    var sums = vec4i(params.bias);
    for (var pair = 0u; pair < params.pairs; pair++) {
        let both = input[weights];
        sums += first_half(both) * middle_samples(row, word) + second_half(both) * middle_samples(row + 1u, word);
        weights += 1u;
        row += 2u;
    }
    let bits = 32u >> params.output_log2_samples_per_word;
    var joined = 0u;
    for (var lane = 0u; lane < (1u << params.output_log2_samples_per_word); lane++) {
        if x + lane < params.width {
            let sum = sums[lane] + select(0, noise(x + lane, y, id.z), params.dither == 1u);
            joined |= u32(clamp(sum >> params.shift, 0, params.limit)) << (lane * bits);
        }
    }
    output[params.output + id.z * params.output_plane + y * params.output_stride + id.x] = joined;
}
