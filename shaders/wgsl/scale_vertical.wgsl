#import common
#import jobs

// Rows of 16-bit intermediate samples -> rows of the rung. One invocation makes one word of two or four samples.

// The planes of one kind of one rung.
struct Job {
    // Number of its first workgroup, workgroups per row, planes; a plane has `height` rows.
    first_workgroup: u32,
    row_workgroups: u32,
    planes: u32,
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
    // Word offset of the first of the four nearest rows of each row; weights that sums are held with, `near` of 0 where
    // they are not.
    nearest: u32,
    near: i32,
    far: i32,
}

@group(0) @binding(0) var<storage, read> jobs: array<Job>;
@group(0) @binding(1) var<storage, read> tables: array<u32>;
@group(0) @binding(2) var<storage, read> middle: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

fn middle_samples(at: u32) -> vec4i {
    let left = middle[at];
    // With two samples to a word, the right half is not used.
    let right = middle[at + 1u];
    return vec4i(first_half(left), second_half(left), first_half(right), second_half(right));
}

@compute @workgroup_size(64)
fn scale_vertical(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let job = jobs[job_of(number)];
    let place = place_in_job(number - job.first_workgroup, job.row_workgroups, job.height);
    let word = place.part * 64u + lane;
    let x = word << job.output_log2_samples_per_word;
    let y = place.row;
    if place.plane >= job.planes || x >= job.width {
        return;
    }
    let row = tables[job.table + y] - job.first_row;
    let column = job.middle + place.plane * job.middle_plane + (x >> 1u);
    var at = column + row * job.middle_stride;
    var weights = job.table + job.height + y * job.pairs;
    var sums = vec4i(0);
    for (var pair = 0u; pair < job.pairs; pair++) {
        let both = tables[weights];
        sums += first_half(both) * middle_samples(at) + second_half(both) * middle_samples(at + job.middle_stride);
        weights += 1u;
        at += 2u * job.middle_stride;
    }
    if job.near != 0 {
        at = column + (tables[job.nearest + y] - job.first_row) * job.middle_stride;
        var low = middle_samples(at);
        var high = low;
        for (var next = 1u; next < 4u; next++) {
            at += job.middle_stride;
            let samples = middle_samples(at);
            low = min(low, samples);
            high = max(high, samples);
        }
        sums = hold(sums, low, high, job.near, job.far);
    }
    sums += vec4i(job.bias);
    if job.dither == 1u {
        let key = hash(y ^ select(job.key_0, job.key_1, place.plane == 1u));
        let columns = vec4u(x, x + 1u, x + 2u, x + 3u) + key;
        let noise = vec4u(hash(columns.x), hash(columns.y), hash(columns.z), hash(columns.w));
        sums += bitcast<vec4i>(noise >> vec4u(32u - job.shift));
    }
    let samples = bitcast<vec4u>(clamp(sums >> vec4u(job.shift), vec4i(0), vec4i(job.limit)));
    var joined = samples.x;
    if job.output_log2_samples_per_word == 1u {
        joined |= select(0u, samples.y << 16u, x + 1u < job.width);
    } else {
        joined |= select(0u, samples.y << 8u, x + 1u < job.width);
        joined |= select(0u, samples.z << 16u, x + 2u < job.width);
        joined |= select(0u, samples.w << 24u, x + 3u < job.width);
    }
    output[job.output + place.plane * job.output_plane + y * job.output_stride + word] = joined;
}
