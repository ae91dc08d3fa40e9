#import jobs

// Lays pictures as wide as a rung over one another, each over some of its rows. One invocation makes one word of two or four
// samples.

// A plane of a layer.
struct LayerPlane {
    // Word offset of its first row, words per row.
    offset: u32,
    stride: u32,
    // The rows of the rung that it covers: the first, and how many.
    row: u32,
    rows: u32,
    // Rows over which it fades in from its first one, and out to its last.
    fade_in: u32,
    fade_out: u32,
}

// A plane of a rung.
struct Job {
    // Number of its first workgroup, workgroups per row.
    first_workgroup: u32,
    row_workgroups: u32,
    // Where it goes: word offset, words per row.
    output: u32,
    output_stride: u32,
    // Rows, and words of a row that hold samples.
    height: u32,
    words: u32,
    // Of layers and rung.
    log2_samples_per_word: u32,
    // How many layers there are, from the lowest up.
    count: u32,
    layers: array<LayerPlane, 4>,
}

@group(0) @binding(0) var<storage, read> jobs: array<Job>;
@group(0) @binding(1) var<storage, read> layer_0: array<u32>;
@group(0) @binding(2) var<storage, read> layer_1: array<u32>;
@group(0) @binding(3) var<storage, read> layer_2: array<u32>;
@group(0) @binding(4) var<storage, read> layer_3: array<u32>;
@group(0) @binding(5) var<storage, read_write> output: array<u32>;

fn layer_word(number: u32, at: u32) -> u32 {
    switch number {
        case 0u: { return layer_0[at]; }
        case 1u: { return layer_1[at]; }
        case 2u: { return layer_2[at]; }
        default: { return layer_3[at]; }
    }
}

// The part of 256 that a row at this distance from an edge has of a layer that fades over `fade` rows.
fn fading(fade: u32, distance: u32) -> u32 {
    return select(256u, min(256u, (2u * distance + 1u) * 256u / (2u * max(fade, 1u))), distance < fade);
}

// Mixes each sample of two words, `part` of 256 of the upper one.
fn mix_words(lower: u32, upper: u32, part: u32, log2_samples_per_word: u32) -> u32 {
    let bits = 32u >> log2_samples_per_word;
    var mixed = 0u;
    for (var at = 0u; at < 32u; at += bits) {
        let sum = extractBits(lower, at, bits) * (256u - part) + extractBits(upper, at, bits) * part;
        mixed |= ((sum + 128u) >> 8u) << at;
    }
    return mixed;
}

@compute @workgroup_size(64)
fn compose(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let job = jobs[job_of(number)];
    let place = place_in_job(number - job.first_workgroup, job.row_workgroups, job.height);
    let word = place.part * 64u + lane;
    if place.plane > 0u || word >= job.words {
        return;
    }
    var made = 0u;
    for (var index = 0u; index < job.count; index++) {
        let layer = job.layers[index];
        let row = place.row - layer.row;
        if place.row < layer.row || row >= layer.rows {
            continue;
        }
        let upper = layer_word(index, layer.offset + row * layer.stride + word);
        let part = fading(layer.fade_in, row) * fading(layer.fade_out, layer.rows - 1u - row) / 256u;
        made = mix_words(made, upper, part, job.log2_samples_per_word);
    }
    output[job.output + place.row * job.output_stride + word] = made;
}
