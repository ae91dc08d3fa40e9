#import jobs

// Lays something over a part of a picture, where that is. One invocation changes one word of two or four samples.

// The part of a plane.
struct Job {
    // Number of its first workgroup, workgroups per row.
    first_workgroup: u32,
    row_workgroups: u32,
    // Where it is in the picture: word offset of its first row, words per row of the picture.
    output: u32,
    output_stride: u32,
    // Rows of the part, and words of a row.
    height: u32,
    words: u32,
    log2_samples_per_word: u32,
    // Where what is laid over its first sample is; the others follow, row by row, an element each.
    overlay: u32,
}

@group(0) @binding(0) var<storage, read> jobs: array<Job>;
// For each sample, in the lowest nine bits how much of 256 it covers, and above them the sum of what covers it, each part with its
// share of 256.
@group(0) @binding(1) var<storage, read> overlay_samples: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(64)
fn overlay(
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
    let bits = 32u >> job.log2_samples_per_word;
    var above = job.overlay + ((place.row * job.words + word) << job.log2_samples_per_word);
    let at = job.output + place.row * job.output_stride + word;
    let under = output[at];
    var mixed = 0u;
    for (var bit = 0u; bit < 32u; bit += bits) {
        let over = overlay_samples[above];
        let sum = extractBits(under, bit, bits) * (256u - (over & 0x1ffu)) + (over >> 9u);
        mixed |= ((sum + 128u) >> 8u) << bit;
        above += 1u;
    }
    output[at] = mixed;
}
