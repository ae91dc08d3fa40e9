#import common
#import jobs

// Rows of source samples -> rows of 16-bit intermediate samples as wide as the rung. One invocation makes two columns.

// The planes of one kind of one rung.
struct Job {
    // Number of its first workgroup, workgroups per row, rows of a plane, planes.
    first_workgroup: u32,
    row_workgroups: u32,
    rows: u32,
    planes: u32,
    // Word offset of the first row of plane z = 0 that is read, words per row, words from plane z to z + 1.
    source: u32,
    source_stride: u32,
    source_plane: u32,
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
    // Word offset of the first of the four nearest columns of each column; weights that sums are held with, `near` of 0
    // where they are not.
    nearest: u32,
    near: i32,
    far: i32,
    unused: u32,
}

@group(0) @binding(0) var<storage, read> jobs: array<Job>;
@group(0) @binding(1) var<storage, read> tables: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> middle: array<u32>;

fn source_sample(row: u32, column: u32, log2_samples_per_word: u32) -> i32 {
    let bits = 32u >> log2_samples_per_word;
    let lane = column & ((1u << log2_samples_per_word) - 1u);
    return i32(extractBits(source[row + (column >> log2_samples_per_word)], lane * bits, bits));
}

fn middle_sample(job: Job, row: u32, x: u32) -> i32 {
    var column = tables[job.table + x];
    var weights = job.table + job.width + x * job.pairs;
    var sum = 0;
    for (var pair = 0u; pair < job.pairs; pair++) {
        let both = tables[weights];
        sum += first_half(both) * source_sample(row, column, job.source_log2_samples_per_word);
        sum += second_half(both) * source_sample(row, column + 1u, job.source_log2_samples_per_word);
        weights += 1u;
        column += 2u;
    }
    if job.near != 0 {
        let first = tables[job.nearest + x];
        var low = source_sample(row, first, job.source_log2_samples_per_word);
        var high = low;
        for (var next = first + 1u; next < first + 4u; next++) {
            let sample = source_sample(row, next, job.source_log2_samples_per_word);
            low = min(low, sample);
            high = max(high, sample);
        }
        sum = hold(vec4i(sum), vec4i(low), vec4i(high), job.near, job.far).x;
    }
    return (sum + job.bias) >> job.shift;
}

@compute @workgroup_size(64)
fn scale_horizontal(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let job = jobs[job_of(number)];
    let place = place_in_job(number - job.first_workgroup, job.row_workgroups, job.rows);
    let word = place.part * 64u + lane;
    if place.plane >= job.planes || word >= job.middle_stride {
        return;
    }
    let row = job.source + place.plane * job.source_plane + place.row * job.source_stride;
    let x = word * 2u;
    // Beyond an odd width the last column is made twice; nothing reads the second.
    let made = join_halves(middle_sample(job, row, x), middle_sample(job, row, min(x + 1u, job.width - 1u)));
    middle[job.middle + place.plane * job.middle_plane + place.row * job.middle_stride + word] = made;
}
