#import common

// Rows of source samples -> rows of 16-bit intermediate samples as wide as the rung. One invocation makes two columns.

struct Params {
    // Word offset of the first uploaded row of plane z = 0, words per row, words from plane z to z + 1.
    source: u32,
    source_stride: u32,
    source_plane: u32,
    // Column of the picture that the first sample of an uploaded row is.
    source_column: u32,
    // Of the uploaded rows.
    source_log2_samples_per_word: u32,
    // Word offset of the filter: `width` first columns, then `width` rows of `pairs` words of weights.
    table: u32,
    pairs: u32,
    // Where the intermediate samples go, as for the source.
    middle: u32,
    middle_stride: u32,
    middle_plane: u32,
    // Columns to make.
    width: u32,
    bias: i32,
    shift: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> middle: array<u32>;

fn source_sample(row: u32, column: u32) -> i32 {
    let bits = 32u >> params.source_log2_samples_per_word;
    let lane = column & ((1u << params.source_log2_samples_per_word) - 1u);
    return i32(extractBits(input[row + (column >> params.source_log2_samples_per_word)], lane * bits, bits));
}

fn middle_sample(row: u32, x: u32) -> i32 {
    var column = input[params.table + x] - params.source_column;
    var weights = params.table + params.width + x * params.pairs;
    var sum = params.bias;
    for (var pair = 0u; pair < params.pairs; pair++) {
        let both = input[weights];
        sum += first_half(both) * source_sample(row, column) + second_half(both) * source_sample(row, column + 1u);
        weights += 1u;
        column += 2u;
    }
    return sum >> params.shift;
}

@compute @workgroup_size(64)
fn scale_horizontal(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.middle_stride {
        return;
    }
    let row = params.source + id.z * params.source_plane + id.y * params.source_stride;
    let x = id.x * 2u;
    // Beyond an odd width the last column is made twice; nothing reads the second.
    let word = join_halves(middle_sample(row, x), middle_sample(row, min(x + 1u, params.width - 1u)));
    middle[params.middle + id.z * params.middle_plane + id.y * params.middle_stride + id.x] = word;
}
