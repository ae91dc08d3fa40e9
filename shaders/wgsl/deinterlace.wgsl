#import jobs
#import plane

// A whole picture of the fields of three frames: two of them woven together, or one with the rows between its own made from what
// lies around them in place and time. The latter is BWDIF: Weston's three-field filter where little moves, held to what moved, as
// in YADIF; coefficients and order of roundings are those of FFmpeg's filter of that name.

@group(0) @binding(0) var<storage, read> jobs: array<PlaneJob>;
@group(0) @binding(1) var<storage, read> before_1: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read> after_1: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;

// `PlaneJob.picture` from this number on: the field that is kept, of the bottom rows, and whether it is the later one of its frame.
// Below it: the frames of the top rows and, thrice, of the bottom rows; 0 is the frame itself, 1 the one before, 2 the one after.
const INTERPOLATED = 16u;
const BOTTOM = 1u;
const LATER = 2u;

const BEFORE = 0u;
const OWN = 1u;
const AFTER = 2u;

// Weights of 13 bits.
const LOW = vec2i(4309, 213);
const HIGH = vec3i(5570, 3801, 1016);
const SPATIAL = vec2i(5077, 981);

fn sample_at(job: PlaneJob, frame: u32, column: u32, row: u32) -> i32 {
    let word = source_word(job, frame, column, row);
    if frame == BEFORE {
        return i32(sample_of(job, frame, before_1[word], column));
    }
    if frame == AFTER {
        return i32(sample_of(job, frame, after_1[word], column));
    }
    return i32(sample_of(job, frame, source[word], column));
}

fn woven(job: PlaneJob, column: u32, row: u32) -> i32 {
    let named = select(job.picture % 3u, job.picture / 3u, row % 2u == 1u);
    return sample_at(job, select(select(OWN, BEFORE, named == 1u), AFTER, named == 2u), column, row);
}

// Of the two fields of the missing rows that are nearest in time, twice their mean.
fn around(job: PlaneJob, earlier: u32, column: u32, row: u32) -> i32 {
    return sample_at(job, earlier, column, row) + sample_at(job, earlier + 1u, column, row);
}

fn interpolated(job: PlaneJob, column: u32, row: u32) -> i32 {
    let last = job.plane_height - 1u;
    let above = select(row - 1u, 1u, row == 0u);
    let below = select(row + 1u, last - 1u, row == last);
    let earlier = select(BEFORE, OWN, (job.picture & LATER) != 0u);

    let c = sample_at(job, OWN, column, above);
    let e = sample_at(job, OWN, column, below);
    let sum = around(job, earlier, column, row);
    let d = sum >> 1u;
    let moved = abs(sample_at(job, earlier, column, row) - sample_at(job, earlier + 1u, column, row));
    let before = (abs(sample_at(job, BEFORE, column, above) - c) + abs(sample_at(job, BEFORE, column, below) - e)) >> 1u;
    let after = (abs(sample_at(job, AFTER, column, above) - c) + abs(sample_at(job, AFTER, column, below) - e)) >> 1u;
    var range = max(max(moved >> 1u, before), after);
    if range == 0 {
        return d;
    }
    if row >= 2u && row + 3u <= job.plane_height {
        let b = (around(job, earlier, column, row - 2u) >> 1u) - c;
        let f = (around(job, earlier, column, row + 2u) >> 1u) - e;
        let dc = d - c;
        let de = d - e;
        range = max(max(range, min(min(de, dc), max(b, f))), -max(max(de, dc), min(b, f)));
    }
    var made = (c + e) >> 1u;
    if row >= 4u && row + 5u <= job.plane_height {
        let far = sample_at(job, OWN, column, row - 3u) + sample_at(job, OWN, column, row + 3u);
        if abs(c - e) > moved {
            let near = around(job, earlier, column, row - 2u) + around(job, earlier, column, row + 2u);
            let edge = around(job, earlier, column, row - 4u) + around(job, earlier, column, row + 4u);
            let high = (HIGH.x * sum - HIGH.y * near + HIGH.z * edge) >> 2u;
            made = (high + LOW.x * (c + e) - LOW.y * far) >> 13u;
        } else {
            made = (SPATIAL.x * (c + e) - SPATIAL.y * far) >> 13u;
        }
    }
    return clamp(clamp(made, d - range, d + range), 0, i32(job.limit));
}

fn made(job: PlaneJob, column: u32, row: u32) -> u32 {
    if job.picture < INTERPOLATED {
        return u32(woven(job, column, row));
    }
    if row % 2u == (job.picture & BOTTOM) || job.plane_height < 2u {
        return u32(sample_at(job, OWN, column, row));
    }
    return u32(interpolated(job, column, row));
}

@compute @workgroup_size(64)
fn deinterlace(
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
        joined |= made(job, job.column + at, job.row + place.row) << ((at - first) * bits);
    }
    output[job.output + place.row * job.output_stride + word] = joined;
}
