#import jobs
#import plane

// The mean of three frames, mirrored left to right; picture 1 is not mirrored. A kernel for tests, that does
// all that one may do.

@group(0) @binding(0) var<storage, read> jobs: array<PlaneJob>;
@group(0) @binding(1) var<storage, read> before_1: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read> after_1: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;

fn mean(job: PlaneJob, column: u32, row: u32) -> u32 {
    let x = select(job.plane_width - 1u - column, column, job.picture == 1u);
    let sum = sample_of(job, 0u, before_1[source_word(job, 0u, x, row)], x)
        + sample_of(job, 1u, source[source_word(job, 1u, x, row)], x)
        + sample_of(job, 2u, after_1[source_word(job, 2u, x, row)], x);
    return min((sum + 1u) / 3u, job.limit);
}

@compute @workgroup_size(64)
fn flip_of_three(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let job = jobs[job_of(number)];
    let place = place_in_job(number - job.first_workgroup, job.row_workgroups, job.height);
    let word = place.part * 64u + lane;
    let first = word << job.log2_samples_per_word;
    if place.plane > 0u || first >= job.width {
        return;
    }
    let bits = 32u >> job.log2_samples_per_word;
    var joined = 0u;
    for (var at = first; at < min(job.width, first + (1u << job.log2_samples_per_word)); at++) {
        joined |= mean(job, job.column + at, job.row + place.row) << ((at - first) * bits);
    }
    output[job.output + place.row * job.output_stride + word] = joined;
}
